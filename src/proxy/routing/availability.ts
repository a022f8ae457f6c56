// SPDX-License-Identifier: Apache-2.0
// May a target be tried now, with which key, and if not, why and until when. Reads health, changes none.

import type { ProviderKey } from '../policy/policy.ts';
import { type Breaker, share } from './breaker.ts';
import { type Candidate, keyIdOf, modelKeyId } from './candidates.ts';
import { type Context, timesOf } from './context.ts';
import type { KeyHold, Times } from './key-holds.ts';
import type { FailureClass, RunInput, ScopeKind } from './routing.ts';
import { breakerOf } from './scopes.ts';

export type Availability =
  | { readonly kind: 'free'; readonly key: ProviderKey | undefined; readonly probe: boolean }
  /** It is coming back, and this call is not of the share that goes there already. */
  | { readonly kind: 'ramping'; readonly key: ProviderKey | undefined }
  | { readonly kind: 'probing'; readonly scope: ScopeKind }
  /** All its keys were tried by this call. */
  | { readonly kind: 'spent' }
  | {
      readonly kind: 'open';
      readonly scope: ScopeKind;
      readonly why: FailureClass;
      /** Monotonic milliseconds. */
      readonly until: number;
      /** Nothing but a rate window is in the way. */
      readonly waitable: boolean;
      /** With which key it could be tried all the same; undefined: with none, the provider has said when it may be asked again. */
      readonly lastResort: { readonly key: ProviderKey | undefined } | undefined;
    };

export interface Look {
  readonly context: Context;
  readonly input: Pick<RunInput, 'callerKey'>;
  /** Breakers refuse: there is somewhere else to go, or it was configured so. */
  readonly governed: boolean;
  /** Keys that failed in this run, altogether or for this candidate's model. */
  readonly spent: (candidate: Candidate, key: string | undefined) => boolean;
}

export function availabilityOf(candidate: Candidate, look: Look): Availability {
  const { context, governed } = look;
  const { provider } = candidate.target;
  const times = timesOf(context.clock);
  const now = times.monotonic;
  const keyed = keyOf(candidate, look, times);
  if (keyed.kind === 'spent') return keyed;
  // Nowhere else to go: nothing is refused, the provider says itself what it thinks.
  if (!governed) return { kind: 'free', key: keyed.key, probe: false };
  const endpoint = breakerOf(context.scopes.peekEndpoint(provider), now);
  const model = breakerOf(context.scopes.peekModel(provider, candidate.model), now);
  if (isProbed(endpoint)) return { kind: 'probing', scope: 'endpoint' };
  if (isProbed(model)) return { kind: 'probing', scope: 'model' };
  const opened = later(opening('endpoint', endpoint), opening('model', model));
  const hold = keyed.kind === 'held' ? keyed.hold : undefined;
  const held = hold === undefined ? undefined : { scope: scopeOf(hold), why: hold.why, until: hold.until };
  const waits = later(opened, held);
  if (waits !== undefined) {
    const lastResort = keyed.kind === 'held' ? keyed.refused : { key: keyed.key };
    return { kind: 'open', ...waits, waitable: opened === undefined && hold?.why === 'rate-limit', lastResort };
  }
  if (endpoint.state === 'half-open' || model.state === 'half-open') {
    return { kind: 'free', key: keyed.key, probe: true };
  }
  const allowed = Math.min(share(endpoint, now), share(model, now));
  if (candidate.draw >= allowed && !candidate.pinned) return { kind: 'ramping', key: keyed.key };
  return { kind: 'free', key: keyed.key, probe: false };
}

/** Why one key is not used; undefined: it is. */
export function holdOf(candidate: Candidate, key: string | undefined, look: Look): KeyHold | undefined {
  return findHold(candidate, key, look, timesOf(look.context.clock));
}

/** What a hold keeps from being used. */
export function scopeOf({ model }: KeyHold): ScopeKind {
  return model === undefined ? 'key' : 'model';
}

/** Of the key, or of the key for this model: the later one. */
function findHold(candidate: Candidate, key: string | undefined, look: Look, times: Times): KeyHold | undefined {
  const id = keyIdOf(candidate.target.provider.name, key, look.input.callerKey);
  if (id === undefined) return undefined;
  const { holds } = look.context;
  const all = holds.find(id, times);
  const one = holds.find(modelKeyId(id, candidate.model), times);
  return all === undefined || (one !== undefined && one.until > all.until) ? one : all;
}

type Keyed =
  | { readonly kind: 'key'; readonly key: ProviderKey | undefined }
  | {
      readonly kind: 'held';
      readonly key: ProviderKey | undefined;
      readonly hold: KeyHold;
      /** One that was refused: somebody may have mended it meanwhile. */
      readonly refused: { readonly key: ProviderKey | undefined } | undefined;
    }
  | { readonly kind: 'spent' };

/** The first that is free, else the one that is back first. */
function keyOf(candidate: Candidate, look: Look, times: Times): Keyed {
  let soonest: { readonly key: ProviderKey | undefined; readonly hold: KeyHold } | undefined;
  let refused: { readonly key: ProviderKey | undefined } | undefined;
  for (const key of candidate.keys) {
    if (look.spent(candidate, key?.name)) continue;
    const hold = findHold(candidate, key?.name, look, times);
    if (hold === undefined) return { kind: 'key', key };
    if (hold.why === 'credential') refused ??= { key };
    if (soonest === undefined || hold.until < soonest.hold.until) soonest = { key, hold };
  }
  return soonest === undefined ? { kind: 'spent' } : { kind: 'held', ...soonest, refused };
}

function isProbed({ state, probing }: Breaker): boolean {
  return probing && (state === 'open' || state === 'half-open');
}

interface Opening {
  readonly scope: ScopeKind;
  readonly why: FailureClass;
  readonly until: number;
}

function opening(scope: ScopeKind, { state, why, until }: Breaker): Opening | undefined {
  return state === 'open' ? { scope, why: why ?? 'transient', until } : undefined;
}

function later(a: Opening | undefined, b: Opening | undefined): Opening | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.until > a.until ? b : a;
}
