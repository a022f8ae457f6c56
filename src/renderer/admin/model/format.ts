// SPDX-License-Identifier: Apache-2.0
// Times, spans and shares as people read them, beyond what both pages need. Pure; the language comes in, undefined means the browser's.

import { createFormat, type Format } from '../../model/format.ts';

export interface AdminFormat extends Format {
  /** `2030-05-06 09:00:00 UTC`. */
  utc(at: number): string;
  /** For programs. */
  iso(at: number): string;
  /** "3 minutes ago", "in 2 hours". */
  ago(at: number, now: number): string;
  /** Of 0 to 1. */
  percent(share: number): string;
  /** The hour of a day. */
  hour(at: number): string;
  /** The same with the day of the week. */
  dayAndHour(at: number): string;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;
/** The largest time of a date, milliseconds. */
const LAST = 8.64e15;

export function createAdminFormat(locale?: string, timeZone?: string): AdminFormat {
  const zone = timeZone === undefined ? {} : { timeZone };
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const hour = new Intl.DateTimeFormat(locale, { ...zone, hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(locale, { ...zone, weekday: 'short', hour: '2-digit', minute: '2-digit' });
  const plain = createFormat(locale, timeZone);
  return {
    ...plain,
    time: (at, now) => plain.time(within(at), now),
    utc: (at) =>
      isoOf(at)
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC'),
    iso: isoOf,
    ago(at, now) {
      const apart = at - now;
      const [unit, size] = UNITS.find(([, each]) => Math.abs(apart) >= each) ?? ['minute', 60_000];
      return relative.format(Math.trunc(apart / size), unit);
    },
    percent: (share) => percent.format(share),
    hour: (at) => hour.format(within(at)),
    dayAndHour: (at) => day.format(within(at)),
  };
}

function isoOf(at: number): string {
  return new Date(within(at)).toISOString();
}

/** A device may name any number as its time. */
function within(at: number): number {
  return Math.min(Math.max(at, -LAST), LAST);
}

/** What a field of the kind datetime-local holds for a time, and back; undefined: it is none. In the browser's time zone. */
export function toLocalField(at: number): string {
  const date = new Date(within(at) - new Date(within(at)).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

export function fromLocalField(text: string): number | undefined {
  const at = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text).getTime() : Number.NaN;
  return Number.isNaN(at) || at < 0 ? undefined : at;
}
