// SPDX-License-Identifier: Apache-2.0
// Times and lengths of time as people write and read them on a command line. Pure.

import { UsageError } from './verb.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** `2030-01-31`, `2030-01-31T05:00`, with seconds and a zone if wanted; without a zone it is UTC. */
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** `90s`, `15m`, `2h`, `7d` in milliseconds. */
export function readLength(text: string, name: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0)
    throw new UsageError(`${name} takes a length of time such as 15m, 2h or 7d, not "${text}"`);
  return Number(count) * (UNITS[unit] ?? 0);
}

/** A date, a date with time, or how long ago (`2h`). Milliseconds since the Unix epoch. */
export function readTime(text: string, name: string, now: number): number {
  if (/^\d{1,6}[smhd]$/.test(text)) return now - readLength(text, name);
  const [match, zone] = DATE.exec(text) ?? [];
  const zoned = text.includes('T') && zone === undefined ? `${text}Z` : text;
  const at = match === undefined ? Number.NaN : Date.parse(zoned);
  if (Number.isNaN(at)) {
    throw new UsageError(`${name} takes a time such as 2030-01-31, 2030-01-31T05:00 (UTC) or 2h (ago), not "${text}"`);
  }
  return at;
}

/** What `Date` can hold. */
const MOST = 8_640_000_000_000_000;

/** `2030-01-31 05:00:00`, UTC; a device may claim any number. */
export function shownTime(at: number | null | undefined): string {
  if (at === null || at === undefined) return '-';
  if (Math.abs(at) > MOST) return String(at);
  return new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '');
}
