// SPDX-License-Identifier: Apache-2.0
// Calendar days of a place on earth: where each begins. A day may have 23, 24 or 25 hours, or begin at 1 o'clock. Pure.

export interface Day {
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Its first instant. Milliseconds since the Unix epoch. */
  readonly from: number;
}

const DAY_MS = 86_400_000;

/**
 * The last `count` days, today's included, oldest first, and tomorrow behind them, where today ends.
 * @param timeZone name of the IANA database
 */
export function lastDays(now: number, timeZone: string, count: number): readonly Day[] {
  const dateAt = calendar(timeZone);
  const today = Date.parse(dateAt(now));
  return Array.from({ length: count + 1 }, (_, index) => {
    const midnight = today + (index - count + 1) * DAY_MS;
    const date = new Date(midnight).toISOString().slice(0, 10);
    return { date, from: firstInstant(date, midnight, dateAt) };
  });
}

function calendar(timeZone: string): (at: number) => string {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return `${parts.get('year')?.padStart(4, '0')}-${parts.get('month')}-${parts.get('day')}`;
  };
}

/** No place is a whole day away from UTC, so local midnight lies within a day of `midnight` there. */
function firstInstant(date: string, midnight: number, dateAt: (at: number) => string): number {
  let [before, after] = [midnight - DAY_MS, midnight + DAY_MS];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dateAt(middle) < date) before = middle;
    else after = middle;
  }
  return after;
}
