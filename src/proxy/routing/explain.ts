// SPDX-License-Identifier: Apache-2.0
// What a call would meet now, without making it: the chain in its order, and why targets and keys are left out. Reads, changes nothing.

import { type Availability, availabilityOf, holdOf, type Look, scopeOf } from './availability.ts';
import { candidatesOf } from './candidates.ts';
import { type Context, timesOf } from './context.ts';
import { wallOf } from './health.ts';
import type { Times } from './key-holds.ts';
import type { ExplainedTarget, RunInput, SkipReason } from './routing.ts';
import { isGoverned } from './run.ts';

export function explain(context: Context, input: RunInput): readonly ExplainedTarget[] {
  const times = timesOf(context.clock);
  const candidates = candidatesOf(context, input);
  const look: Look = { context, input, governed: isGoverned(input, candidates), spent: () => false };
  const rows = candidates.map((candidate) => ({ candidate, found: availabilityOf(candidate, look) }));
  const cutOff = (provider: Parameters<typeof context.network.isCutOff>[0]): boolean =>
    look.governed && context.network.isCutOff(provider, times.monotonic, context.device());
  // A target that is coming back is next to be tried when all that are well were.
  const tried = [
    ...rows.filter(({ found }) => found.kind === 'free'),
    ...rows.filter(({ found }) => found.kind === 'ramping'),
  ].filter(({ candidate }) => !cutOff(candidate.target.provider));
  return rows.map((row) => {
    const { target, group, keys } = row.candidate;
    const place = tried.indexOf(row);
    return {
      target,
      group,
      order: place < 0 ? undefined : place + 1,
      keys: keys.flatMap((key) => {
        if (key === undefined) return [];
        const hold = holdOf(row.candidate, key.name, look);
        const until = hold === undefined ? 0 : wallOf(hold.until, times);
        const skip: SkipReason | undefined =
          hold === undefined ? undefined : { kind: 'open', scope: scopeOf(hold), why: hold.why, until };
        return [{ name: key.name, weight: key.weight, skip }];
      }),
      skip: skipOf(row.found, times),
    };
  });
}

function skipOf(found: Availability, times: Times): SkipReason | undefined {
  switch (found.kind) {
    case 'free':
      return undefined;
    case 'ramping':
      return { kind: 'ramping' };
    case 'probing':
      return { kind: 'probing', scope: found.scope };
    case 'spent':
      return { kind: 'tried' };
    case 'open':
      return { kind: 'open', scope: found.scope, why: found.why, until: wallOf(found.until, times) };
  }
}
