// SPDX-License-Identifier: Apache-2.0
// The room's door: one health for the device, a run for each call. Wires the parts, and tells listeners when health changes, also
// when only time does it. Knows no sockets, no bytes, no files.

import type { Timer } from '../../contract/clock.ts';
import { Affinity } from './affinity.ts';
import { forgive, halfOpen, wake } from './breaker.ts';
import { keyIdOf } from './candidates.ts';
import { type Context, type RouterDeps, timesOf } from './context.ts';
import { explain } from './explain.ts';
import { healthOf } from './health.ts';
import { KeyHolds } from './key-holds.ts';
import { Network } from './network.ts';
import { backOnline } from './record.ts';
import { RetryBucket } from './retry-bucket.ts';
import type { Router, RouterState } from './routing.ts';
import { ChainRun } from './run.ts';
import { breakerOf, type Scope, Scopes } from './scopes.ts';

/** A machine that wakes up is noticed so long after it at most: what failed meanwhile failed by the sleep. Milliseconds. */
const WAKING_MS = 5_000;

/** @param deps `restored`: what `dump` gave before a restart; long deadlines in it are cut */
export function createRouter(deps: RouterDeps & { readonly restored?: RouterState | undefined }): Router {
  const { clock } = deps;
  const listeners = new Set<() => void>();
  let alarm: Timer | undefined;
  const context: Context = {
    ...deps,
    scopes: new Scopes(),
    holds: new KeyHolds(),
    network: new Network(),
    affinity: new Affinity(),
    bucket: new RetryBucket(),
    turns: new Set(),
    changed,
  };
  if (deps.restored !== undefined) {
    context.holds.restore(deps.restored, (provider, key) => keyIdOf(provider, key, undefined) ?? '', timesOf(clock));
  }

  function changed(): void {
    setAlarm();
    for (const listener of listeners) listener();
  }

  /** An opening, a ramp or a hold ends by itself: somebody may be looking. */
  function setAlarm(): void {
    alarm?.clear();
    alarm = undefined;
    if (listeners.size === 0) return;
    const now = clock.monotonic();
    const untils = [
      ...context.scopes.all().map((scope) => breakerOf(scope, now).until),
      ...context.holds.list(timesOf(clock)).map(({ until }) => until),
    ].filter((until) => until > now);
    if (untils.length > 0) alarm = clock.after(Math.ceil(Math.min(...untils) - now), changed);
  }

  return {
    begin: (input) => new ChainRun(context, input),
    explain: (input) => explain(context, input),
    health: () => healthOf(context),
    get offline() {
      return context.network.offline;
    },
    onChange(listener) {
      const own = (): void => listener();
      listeners.add(own);
      setAlarm();
      return () => {
        listeners.delete(own);
        setAlarm();
      };
    },
    configured() {
      context.holds.dropCredentials();
      for (const scope of context.scopes.all()) {
        if (scope.breaker.why === 'model-missing') scope.breaker = halfOpen(scope.breaker, clock.monotonic());
      }
      changed();
    },
    resumed() {
      const now = clock.monotonic();
      context.network.reset();
      // What a probe that slept may still find out is old news.
      for (const claimed of context.turns) claimed.clear();
      context.turns.clear();
      for (const scope of context.scopes.all()) {
        scope.breaker = wake(forgive(scope.breaker, now, now - WAKING_MS), now);
      }
      changed();
    },
    checked(provider, reachable) {
      const scope = context.scopes.endpointNamed(provider);
      if (scope === undefined) return;
      scope.lastCheck = clock.monotonic();
      if (!reachable) return;
      backOnline(context, scope.config);
      if (isCheckable(scope)) scope.breaker = halfOpen(scope.breaker, clock.monotonic());
      changed();
    },
    wantsCheck() {
      const now = clock.monotonic();
      return context.scopes.endpoints().flatMap((scope) => {
        const { state, since } = breakerOf(scope, now);
        const { checkEvery } = deps.tuningOf(scope.config);
        const due = now - Math.max(since, scope.lastCheck) >= checkEvery;
        return state === 'open' && checkEvery > 0 && due && isCheckable(scope) ? [scope.provider] : [];
      });
    },
    dump: () => context.holds.dump(timesOf(clock)),
    close() {
      listeners.clear();
      setAlarm();
    },
  };
}

/**
 * A check sees whether there is a connection. Where it was the answers that failed, it would say "well" each time, and a probe
 * every few seconds is what the growing open time is there to avoid.
 */
function isCheckable({ unreached, breaker }: Scope): boolean {
  return unreached && (breaker.why === 'transient' || breaker.why === 'hang');
}
