// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them. Pure; language and time zone come in, undefined means the browser's.

export interface Format {
  /** The time today, else with the date. Milliseconds since the Unix epoch. */
  time(at: number, now: number): string;
  count(value: number): string;
  bytes(value: number): string;
  /** Of milliseconds. */
  duration(ms: number): string;
  /** Thousands and millions in short. */
  compact(value: number): string;
  /** US dollars: cents, and of less than a cent two digits. */
  money(usd: number): string;
  /** Milliseconds since the Unix epoch. */
  date(at: number): string;
  /** Of YYYY-MM-DD, wherever that day is. */
  day(date: string): string;
  weekday(date: string): string;
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function createFormat(locale?: string, timeZone?: string): Format {
  const zone = timeZone === undefined ? {} : { timeZone };
  const clock = new Intl.DateTimeFormat(locale, { ...zone, timeStyle: 'medium' });
  const full = new Intl.DateTimeFormat(locale, { ...zone, dateStyle: 'medium', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(locale, { ...zone, dateStyle: 'short' });
  const dated = new Intl.DateTimeFormat(locale, { ...zone, dateStyle: 'medium' });
  const weekday = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', weekday: 'short' });
  const named = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' });
  const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const dollars = { style: 'currency', currency: 'USD' } as const;
  const cents = new Intl.NumberFormat(locale, dollars);
  const fractions = new Intl.NumberFormat(locale, { ...dollars, maximumSignificantDigits: 2 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  // Making one takes longer than all else in a row of a table.
  const units = new Map<string, Intl.NumberFormat>();
  const unit = (value: number, name: string) => {
    const maximumFractionDigits = value < 10 && name !== 'byte' && name !== 'millisecond' ? 1 : 0;
    const key = `${name} ${maximumFractionDigits}`;
    const made =
      units.get(key) ??
      new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits });
    units.set(key, made);
    return made.format(value);
  };
  return {
    time: (at, now) => (day.format(at) === day.format(now) ? clock : full).format(at),
    count: (value) => whole.format(value),
    bytes(value) {
      const power = Math.min(value < 1 ? 0 : Math.floor(Math.log2(value) / 10), UNITS.length - 1);
      return unit(value / 1_024 ** power, UNITS[power] ?? 'byte');
    },
    duration: (ms) => (ms < 1_000 ? unit(Math.round(ms), 'millisecond') : unit(ms / 1_000, 'second')),
    compact: (value) => compact.format(value),
    money: (usd) => (usd > 0 && usd < 0.01 ? fractions : cents).format(usd),
    date: (at) => dated.format(at),
    day: (date) => named.format(Date.parse(date)),
    weekday: (date) => weekday.format(Date.parse(date)),
  };
}
