// SPDX-License-Identifier: Apache-2.0
// How the end of an attempt moves health: which scope a failure is counted against, and when nobody's health is judged at all.

import type { Provider } from '../policy/policy.ts';
import { claim, type Failure, fail, forgive, release, restart, succeed, trip } from './breaker.ts';
import { type Candidate, modelKeyId } from './candidates.ts';
import { type Context, timesOf } from './context.ts';
import type { Classified } from './failure.ts';
import { isNear } from './network.ts';
import type { AttemptOutcome, FailureClass, Planned } from './routing.ts';
import { breakerOf, type Scope } from './scopes.ts';

/** An attempt under way. */
export interface Attempt {
  readonly planned: Planned;
  readonly candidate: Candidate;
  readonly endpoint: Scope;
  readonly model: Scope;
  readonly keyId: string | undefined;
  /** Monotonic milliseconds; of a probe, once its content has closed a breaker, the time of that. */
  began: number;
  readonly stream: boolean;
  /** Whose probe's turns it has. */
  readonly claimed: Set<Scope>;
}

/** Takes the turns of all scopes that are not closed. */
export function claimAll(context: Context, scopes: readonly Scope[]): Set<Scope> {
  const now = context.clock.monotonic();
  const claimed = new Set<Scope>();
  for (const scope of scopes) {
    const next = claim(scope.breaker, now);
    if (next === undefined) continue;
    scope.breaker = next;
    claimed.add(scope);
  }
  if (claimed.size > 0) context.turns.add(claimed);
  return claimed;
}

/** Gives back what it has, and finds nothing out. */
export function abandon(context: Context, attempt: Attempt): void {
  const now = context.clock.monotonic();
  for (const scope of attempt.claimed) scope.breaker = release(scope.breaker, now);
  attempt.claimed.clear();
  context.turns.delete(attempt.claimed);
}

export function recordContent(context: Context, attempt: Attempt, ms: number): void {
  const now = context.clock.monotonic();
  // The time of a whole answer is that of its length.
  if (attempt.stream && isCounted(attempt) && Number.isFinite(ms) && ms >= 0) attempt.model.latency.sample(ms, now);
  if (attempt.claimed.size === 0) return heard(context, attempt.candidate.target.provider);
  recordSuccess(context, attempt);
  attempt.began = now;
}

/** An answer came from this provider. */
function heard(context: Context, provider: Provider): void {
  context.network.heard(provider, context.clock.monotonic());
  backOnline(context, provider);
}

/** This provider can be reached: the machine has a network. */
export function backOnline(context: Context, provider: Provider): void {
  if (!context.network.works(provider)) return;
  const now = context.clock.monotonic();
  for (const scope of context.scopes.all()) {
    if (!isNear(scope.config.base.host)) scope.breaker = restart(scope.breaker, now);
  }
  context.changed();
}

export function recordSuccess(context: Context, attempt: Attempt): void {
  const { candidate, keyId } = attempt;
  const tuning = context.tuningOf(candidate.target.provider).breaker;
  const now = context.clock.monotonic();
  heard(context, candidate.target.provider);
  for (const scope of [attempt.endpoint, attempt.model]) {
    move(context, scope, () => succeed(scope.breaker, tuning, now, attempt.claimed.delete(scope)));
  }
  context.turns.delete(attempt.claimed);
  if (keyId === undefined) return;
  const worked = [keyId, modelKeyId(keyId, candidate.model)].filter((id) => context.holds.worked(id));
  if (worked.length > 0) context.changed();
}

/** The class that it is in the end: what looked like the provider's trouble may be this machine's. */
export function recordFailure(
  context: Context,
  attempt: Attempt,
  outcome: AttemptOutcome,
  found: Classified & { readonly class: FailureClass },
): FailureClass {
  const { provider } = attempt.candidate.target;
  const now = context.clock.monotonic();
  if (answered(outcome, found)) heard(context, provider);
  let failure = found.class;
  if (found.hint !== undefined) {
    const was = context.network.offline;
    const device = context.device();
    if (context.network.isLocal(found.hint, provider, now, device)) failure = 'local';
    if (!was && context.network.offline) {
      for (const scope of context.scopes.all()) {
        if (!isNear(scope.config.base.host)) scope.breaker = forgive(scope.breaker, now, now - device.offlineWindow);
      }
      context.changed();
    }
  }
  const judged = failure !== 'local' && (!context.network.offline || isNear(provider.base.host));
  if (judged) count(context, attempt, outcome, found, failure);
  abandon(context, attempt);
  return failure;
}

function count(
  context: Context,
  attempt: Attempt,
  outcome: AttemptOutcome,
  found: Classified,
  why: FailureClass,
): void {
  const { candidate, endpoint, model } = attempt;
  const { provider } = candidate.target;
  const tuning = context.tuningOf(provider);
  const now = context.clock.monotonic();
  const unreached = outcome.kind === 'failed' && !outcome.sent;
  const against = (scope: Scope, weight: number): void => {
    const failure: Failure = { why, weight, began: attempt.began, claimed: attempt.claimed.delete(scope) };
    const next = fail(scope.breaker, tuning.breaker, now, failure, context.random());
    if (next.state === 'open' && next.since === now) scope.unreached = unreached;
    move(context, scope, () => next);
  };
  switch (why) {
    case 'transient':
      return against(endpoint, 1);
    case 'hang':
      against(endpoint, tuning.breaker.hangWeight);
      // Without a connection the model was not even asked.
      if (!unreached) {
        if (outcome.kind === 'failed' && isCounted(attempt)) model.latency.observe(now - attempt.began, now);
        against(model, tuning.breaker.hangWeight);
      }
      return;
    case 'overload':
    case 'bad-answer':
      return against(model, 1);
    case 'model-missing':
      // Without its name it would be all models of the provider.
      if (candidate.model === '') return;
      return move(context, model, () =>
        trip(model.breaker, now, tuning.modelMissingOpen, why, attempt.claimed.delete(model)),
      );
    case 'credential':
    case 'rate-limit': {
      if (attempt.keyId === undefined) return;
      const { max, fallback } = tuning.rateLimit;
      const ms = why === 'credential' ? tuning.credentialOpen : Math.min(found.retryAfterMs ?? fallback, max);
      const model = found.holds === 'model' ? candidate.model : undefined;
      // Without its name it would be all models of the provider.
      if (model === '') return;
      const id = model === undefined ? attempt.keyId : modelKeyId(attempt.keyId, model);
      const hold = { provider: provider.name, key: attempt.planned.key?.name, model, why } as const;
      context.holds.put(id, hold, ms, timesOf(context.clock));
      return context.changed();
    }
    default:
  }
}

/** Of what began before its breaker's state a part may have been slept, or without a network: it says nothing of how long a model takes. */
function isCounted({ began, model }: Attempt): boolean {
  return began >= model.breaker.since;
}

/** Not a login page: an answer in the words of a dialect has come from the other side. */
function answered(outcome: AttemptOutcome, found: Classified): boolean {
  if (outcome.kind === 'failed') return outcome.headSeen && found.hint === undefined;
  return outcome.kind === 'broken' || (outcome.kind === 'refused' && outcome.errorClass !== 'unknown');
}

function move(context: Context, scope: Scope, next: () => Scope['breaker']): void {
  const was = breakerOf(scope, context.clock.monotonic()).state;
  scope.breaker = next();
  if (scope.breaker.state !== was) context.changed();
}
