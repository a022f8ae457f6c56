// SPDX-License-Identifier: Apache-2.0
// The circuit breaker of one scope, as a value: closed → open → half-open → ramping → closed. Pure: monotonic time and randomness are
// arguments, time moves it only when it is looked at. Knows nothing of providers, and that nobody waits is by its having no queue.

import type { ProviderTuning } from '../policy/policy.ts';
import type { FailureClass } from './routing.ts';

export type BreakerTuning = ProviderTuning['breaker'];

interface Counted {
  readonly at: number;
  /** 0: it went well. */
  readonly weight: number;
}

/** Times are monotonic milliseconds. */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'half-open' | 'ramping';
  /** Begin of the state; closed: of the ramp before it. What began earlier is not counted. */
  readonly since: number;
  /** Open: when it is tried again. Ramping: when all calls are let through. Never sooner than it was before a success. */
  readonly until: number;
  /** A call finds out whether it may close. */
  readonly probing: boolean;
  /** The next opening lasts `open` times two to this power. */
  readonly growth: number;
  readonly outcomes: readonly Counted[];
  /** What opened it last. */
  readonly why: FailureClass | undefined;
}

export const CLOSED: Breaker = {
  state: 'closed',
  since: 0,
  until: 0,
  probing: false,
  growth: 0,
  outcomes: [],
  why: undefined,
};

/** What it is at `now`. */
export function advance(breaker: Breaker, now: number): Breaker {
  if (now < breaker.until) return breaker;
  if (breaker.state === 'open') return { ...breaker, state: 'half-open', since: breaker.until };
  if (breaker.state === 'ramping') return { ...breaker, state: 'closed', until: 0, why: undefined };
  return breaker;
}

/** Share of the calls that are let through, 0 to 1. */
export function share(breaker: Breaker, now: number): number {
  const { state, since, until } = advance(breaker, now);
  if (state === 'closed') return 1;
  if (state !== 'ramping') return 0;
  return now - since < (until - since) / 2 ? 0.25 : 0.5;
}

/** The last of what was counted failed, or it is not closed. */
export function isSuspect(breaker: Breaker, now: number): boolean {
  const { state, outcomes } = advance(breaker, now);
  return state !== 'closed' || (outcomes.at(-1)?.weight ?? 0) > 0;
}

/** Takes the probe's turn; undefined: it is taken. Of an open one as well: the last resort, when nothing else is left. */
export function claim(breaker: Breaker, now: number): Breaker | undefined {
  const current = advance(breaker, now);
  if (current.probing || (current.state !== 'half-open' && current.state !== 'open')) return undefined;
  return { ...current, probing: true };
}

/** The probe found out nothing: its turn is free again. */
export function release(breaker: Breaker, now: number): Breaker {
  return { ...advance(breaker, now), probing: false };
}

/** @param claimed by the call that has the probe's turn */
export function succeed(breaker: Breaker, tuning: BreakerTuning, now: number, claimed: boolean): Breaker {
  const current = settle(breaker, now, claimed);
  if (current.state === 'closed' || current.state === 'ramping') {
    return { ...current, outcomes: remember(current, tuning, { at: now, weight: 0 }) };
  }
  // A call that began before it opened says nothing about now.
  if (!claimed) return current;
  const ramping = { ...current, state: 'ramping', since: now, until: now + tuning.ramp } as const;
  return advance({ ...ramping, outcomes: [] }, now);
}

export interface Failure {
  readonly why: FailureClass;
  readonly weight: number;
  /** Monotonic time at which the attempt began. */
  readonly began: number;
  /** By the call that has the probe's turn. */
  readonly claimed: boolean;
}

/** @param random between 0 and 1, drawn for this call */
export function fail(breaker: Breaker, tuning: BreakerTuning, now: number, failure: Failure, random: number): Breaker {
  const { why, weight, began, claimed } = failure;
  const current = settle(breaker, now, claimed);
  if (current.state === 'open' || current.state === 'half-open') {
    if (!claimed) return current;
    // A try before its time was the last resort, not the provider's second chance: the open time does not grow.
    const power = current.state === 'open' ? Math.max(current.growth - 1, 0) : current.growth;
    return open(current, tuning, now, why, power, random);
  }
  if (began < current.since) return current;
  const outcomes = remember(current, tuning, { at: now, weight });
  if (current.state === 'closed' && !isTooMuch(outcomes, tuning)) return { ...current, outcomes };
  const healed = Math.floor(Math.max(now - current.since, 0) / tuning.heal);
  return open(current, tuning, now, why, Math.max(current.growth - healed, 0), random);
}

/** Opens it for a time that is known, whatever was counted. */
export function trip(breaker: Breaker, now: number, ms: number, why: FailureClass, claimed: boolean): Breaker {
  const current = settle(breaker, now, claimed);
  return { ...current, state: 'open', since: now, until: Math.max(deadlineOf(current), now + ms), why, outcomes: [] };
}

/** May be tried at once: a check reached the provider, or somebody mended something. */
export function halfOpen(breaker: Breaker, now: number): Breaker {
  const current = advance(breaker, now);
  return current.state === 'open' ? { ...current, state: 'half-open', since: now, until: now } : current;
}

/** The network is back: what was under way while it was gone is not counted when it ends. */
export function restart(breaker: Breaker, now: number): Breaker {
  const current = advance(breaker, now);
  return current.state === 'closed' ? { ...current, since: now } : current;
}

/** The machine woke up: nothing from before counts, and what is open may be tried at once; a probe of before has found out nothing. */
export function wake(breaker: Breaker, now: number): Breaker {
  const current = restart(halfOpen(breaker, now), now);
  return { ...current, ...(current.state === 'half-open' ? { since: now, probing: false } : {}), outcomes: [] };
}

/** Takes back what was counted at `from` or later: it was this machine's own trouble. */
export function forgive(breaker: Breaker, now: number, from: number): Breaker {
  const current = advance(breaker, now);
  const outcomes = current.outcomes.filter(({ at }) => at < from);
  // Half-open by the time that has passed: `since` of the value that was kept is when it opened.
  const opened = breaker.state === 'open' && breaker.since >= from;
  // Opened by a failed probe: the probe is to be made again.
  if (opened && current.growth > 1) return { ...halfOpen(current, now), growth: current.growth - 1 };
  return opened ? { ...CLOSED, since: now, probing: current.probing } : { ...current, outcomes };
}

/** The end of a ramp is none. */
function deadlineOf({ state, until }: Breaker): number {
  return state === 'open' || state === 'half-open' ? until : 0;
}

/** As it is now; who had the probe's turn has given it back. */
function settle(breaker: Breaker, now: number, claimed: boolean): Breaker {
  return claimed ? release(breaker, now) : advance(breaker, now);
}

function open(
  breaker: Breaker,
  tuning: BreakerTuning,
  now: number,
  why: FailureClass,
  power: number,
  random: number,
): Breaker {
  const most = Math.max(Math.ceil(Math.log2(tuning.maxOpen / tuning.open)), 0);
  const exponent = Math.min(power, most);
  const ms = Math.min(tuning.open * 2 ** exponent, tuning.maxOpen) * (1 + tuning.jitter * (2 * random - 1));
  return {
    state: 'open',
    since: now,
    until: Math.max(deadlineOf(breaker), now + ms),
    probing: breaker.probing,
    growth: Math.min(exponent + 1, most),
    outcomes: [],
    why,
  };
}

function remember({ outcomes }: Breaker, tuning: BreakerTuning, one: Counted): readonly Counted[] {
  const from = one.at - tuning.windowMs;
  const kept = outcomes.filter(({ at }) => at >= from);
  kept.push(one);
  return kept.slice(-Math.max(tuning.window, tuning.failures));
}

function isTooMuch(outcomes: readonly Counted[], tuning: BreakerTuning): boolean {
  let inRow = 0;
  for (let at = outcomes.length - 1; at >= 0; at--) {
    const weight = outcomes[at]?.weight ?? 0;
    if (weight === 0) break;
    inRow += weight;
  }
  if (inRow >= tuning.failures) return true;
  const window = outcomes.slice(-tuning.window);
  const failed = window.filter(({ weight }) => weight > 0).length;
  return window.length >= tuning.windowMin && failed >= tuning.failureRatio * window.length;
}
