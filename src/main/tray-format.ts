// SPDX-License-Identifier: Apache-2.0
// Times as a menu shows them. Pure; language and time zone come in.

export interface TrayFormat {
  /** Hour and minute; of another day than `now` with the date. Wall times. */
  when(at: number, now: number): string;
  sameDay(left: number, right: number): boolean;
}

/** @param timeZone undefined: the system's */
export function createTrayFormat(language: string, timeZone?: string): TrayFormat {
  const zone = timeZone === undefined ? {} : { timeZone };
  const clock = new Intl.DateTimeFormat(language, { ...zone, timeStyle: 'short' });
  const full = new Intl.DateTimeFormat(language, { ...zone, dateStyle: 'short', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat('en', { ...zone, dateStyle: 'short' });
  const sameDay = (left: number, right: number): boolean => day.format(left) === day.format(right);
  return { sameDay, when: (at, now) => (sameDay(at, now) ? clock : full).format(at) };
}
