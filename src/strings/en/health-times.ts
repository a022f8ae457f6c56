// SPDX-License-Identifier: Apache-2.0
// Times in the English warnings as people read them: the daemon does not know where its reader is, and writes them in UTC.

import type { HealthItem } from '../../contract/local-api.ts';

const DATE_TIME = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
/** Particulars that are times, in milliseconds since the Unix epoch. */
const TIMES = ['at', 'since', 'until'] as const;

/** The text with each of its times worded; one that is no time stays as it came. */
export function withTimes(text: string, args: HealthItem['args']): string {
  return TIMES.reduce((all, name) => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    const date = new Date(typeof value === 'number' ? value : Number.NaN);
    return Number.isNaN(date.getTime()) ? all : all.replaceAll(date.toISOString(), DATE_TIME.format(date));
  }, text);
}
