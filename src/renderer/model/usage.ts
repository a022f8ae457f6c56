// SPDX-License-Identifier: Apache-2.0
// What the usage of the last days amounts to. Pure.

import type { UsageReport, UsageTotals } from '../../contract/local-history.ts';

export type UsageDay = UsageReport['days'][number];

export const tokensOf = ({ input_tokens, output_tokens }: UsageTotals): number => input_tokens + output_tokens;

export function isEmpty({ total }: UsageReport): boolean {
  return total.calls === 0 && total.blocked === 0;
}

/** What the total has beyond the rows of a list; undefined: nothing. */
export function restOf(rows: readonly UsageTotals[], total: UsageTotals): UsageTotals | undefined {
  const left = (of: (totals: UsageTotals) => number): number =>
    Math.max(0, of(total) - rows.reduce((sum, row) => sum + of(row), 0));
  const rest = {
    calls: left(({ calls }) => calls),
    blocked: left(({ blocked }) => blocked),
    input_tokens: left(({ input_tokens }) => input_tokens),
    output_tokens: left(({ output_tokens }) => output_tokens),
    cost_usd: left(({ cost_usd }) => cost_usd),
    unpriced: left(({ unpriced }) => unpriced),
    uncounted: left(({ uncounted }) => uncounted),
  };
  return rest.calls === 0 && rest.blocked === 0 ? undefined : rest;
}

/** The first of the days with the most; undefined: there is nothing on any. */
export function peakOf(days: readonly UsageDay[], of: (day: UsageDay) => number): UsageDay | undefined {
  return days.reduce<UsageDay | undefined>((peak, day) => (of(day) > (peak ? of(peak) : 0) ? day : peak), undefined);
}

/** Since when there are rows, where that is after the first day began. Milliseconds since the Unix epoch. */
export function beginsLate({ days, since }: UsageReport): number | undefined {
  const [first] = days;
  if (first === undefined || since === undefined) return undefined;
  // Without a zone it is read as local time: daemon and window are on one machine.
  return since > Date.parse(`${first.date}T00:00`) ? since : undefined;
}
