// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them. Pure; language and time zone come in, undefined means the browser's.

export interface Format {
  /** The time today, else with the date. Milliseconds since the Unix epoch. */
  time(at: number, now: number): string;
  count(value: number): string;
  bytes(value: number): string;
  /** Of milliseconds. */
  duration(ms: number): string;
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function createFormat(locale?: string, timeZone?: string): Format {
  const zone = timeZone === undefined ? {} : { timeZone };
  const clock = new Intl.DateTimeFormat(locale, { ...zone, timeStyle: 'medium' });
  const full = new Intl.DateTimeFormat(locale, { ...zone, dateStyle: 'medium', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(locale, { ...zone, dateStyle: 'short' });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: name,
      unitDisplay: 'short',
      maximumFractionDigits: value < 10 && name !== 'byte' && name !== 'millisecond' ? 1 : 0,
    }).format(value);
  return {
    time: (at, now) => (day.format(at) === day.format(now) ? clock : full).format(at),
    count: (value) => whole.format(value),
    bytes(value) {
      const power = Math.min(value < 1 ? 0 : Math.floor(Math.log2(value) / 10), UNITS.length - 1);
      return unit(value / 1_024 ** power, UNITS[power] ?? 'byte');
    },
    duration: (ms) => (ms < 1_000 ? unit(Math.round(ms), 'millisecond') : unit(ms / 1_000, 'second')),
  };
}
