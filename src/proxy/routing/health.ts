// SPDX-License-Identifier: Apache-2.0
// Health as a person may see it: one entry a provider, with what is out and until when. Pure reading.

import { scopeOf } from './availability.ts';
import { type Context, timesOf } from './context.ts';
import type { Times } from './key-holds.ts';
import type { ProviderHealth, ScopeHealth } from './routing.ts';
import { breakerOf, type Scope } from './scopes.ts';

export function healthOf(context: Context): readonly ProviderHealth[] {
  const times = timesOf(context.clock);
  const scopes = context.scopes.all();
  const holds = context.holds.list(times);
  const names = new Set([...scopes.map(({ provider }) => provider), ...holds.map(({ provider }) => provider)]);
  return [...names].sort().map((provider) => {
    const own = scopes.filter((scope) => scope.provider === provider);
    const out = [
      ...own.flatMap((scope) => scopeHealth(scope, times) ?? []),
      ...holds
        .filter((hold) => hold.provider === provider)
        .map(
          (hold): ScopeHealth => ({
            scope: scopeOf(hold),
            provider,
            model: hold.model,
            key: hold.key ?? 'client',
            state: 'open',
            why: hold.why,
            since: wallOf(hold.since, times),
            nextTry: wallOf(hold.until, times),
          }),
        ),
    ];
    const endpoint = out.find(({ scope }) => scope === 'endpoint');
    const down = endpoint?.state === 'open' || endpoint?.state === 'half-open';
    const worst = endpoint ?? out[0];
    const state = down ? 'down' : out.length > 0 ? 'degraded' : own.some(wasUsed) ? 'healthy' : 'unknown';
    return {
      provider,
      state,
      why: worst?.why,
      since: worst?.since,
      nextTry: worst?.nextTry,
      firstContentMs: own.findLast(({ latency }) => latency.average !== undefined)?.latency.average,
      scopes: out,
    };
  });
}

/** undefined: nothing is wrong with it. */
function scopeHealth(scope: Scope, times: Times): ScopeHealth | undefined {
  const { state, why, since, until } = breakerOf(scope, times.monotonic);
  if (state === 'closed') return undefined;
  return {
    scope: scope.model === undefined ? 'endpoint' : 'model',
    provider: scope.provider,
    model: scope.model,
    key: undefined,
    state,
    why,
    since: wallOf(since, times),
    nextTry: state === 'open' ? wallOf(until, times) : undefined,
  };
}

/** Something was heard of it: a call under way says nothing yet. */
function wasUsed({ breaker, latency }: Scope): boolean {
  return breaker.outcomes.length > 0 || breaker.since > 0 || latency.average !== undefined;
}

/** The clock on the wall may have been set meanwhile: counted from now. */
export function wallOf(monotonic: number, times: Times): number {
  return Math.round(times.wall + (monotonic - times.monotonic));
}
