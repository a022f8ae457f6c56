// SPDX-License-Identifier: Apache-2.0
// The targets of a call in the order in which they would be tried if all were well. Reads health, changes none.

import type { ProviderKey, RouteTarget } from '../policy/policy.ts';
import type { Pin } from './affinity.ts';
import { isSuspect } from './breaker.ts';
import type { Context } from './context.ts';
import { even } from './hash.ts';
import { byWeight, orderTargets } from './order.ts';
import type { RunInput } from './routing.ts';
import { LONGEST_NAME } from './scopes.ts';

export interface Candidate {
  readonly target: RouteTarget;
  /** 0-based group of the chain. */
  readonly group: number;
  /** As the provider is asked for it; '': not known. */
  readonly model: string;
  /** In the order in which they are tried; undefined: the caller's own. */
  readonly keys: readonly [ProviderKey | undefined, ...(ProviderKey | undefined)[]];
  /** The conversation is with this one. */
  readonly pinned: boolean;
  /** Even number between 0 and 1: which share of a ramp this call belongs to. The same for all calls of a conversation. */
  readonly draw: number;
}

/** What a conversation's pin is kept by; undefined: none is kept. */
export function pinIdOf({ route, tuning, conversation }: RunInput): string | undefined {
  if (route.id === undefined || conversation === undefined || !tuning.affinity.enabled) return undefined;
  return `${route.id}\0${conversation}`;
}

export function candidatesOf(context: Context, input: RunInput): readonly Candidate[] {
  const now = context.clock.monotonic();
  const pinId = pinIdOf(input);
  const pin = pinId === undefined ? undefined : context.affinity.find(pinId, now, input.inToolLoop);
  const all = input.route.groups.flatMap((group, index) =>
    orderTargets(group, {
      conversation: input.conversation,
      random: context.random,
      priceOf: (target) => context.priceOf({ ...target, model: target.model ?? input.model }),
      loadOf: ({ provider, model }) =>
        context.scopes.peekModel(provider, model ?? input.model ?? '')?.latency.load ?? 0,
    }).map((target) => candidateOf(context, input, target, index, pin)),
  );
  const pinnedFirst = (candidate: Candidate): number => (candidate.pinned ? 0 : 1);
  // The caller tries again by itself: what failed last is not what it should get once more.
  const suspectLast = (candidate: Candidate): number => {
    if (input.callerRetry === 0 || (candidate.pinned && input.inToolLoop)) return 0;
    const { provider } = candidate.target;
    const scopes = [context.scopes.peekEndpoint(provider), context.scopes.peekModel(provider, candidate.model)];
    return scopes.some((scope) => scope !== undefined && isSuspect(scope.breaker, now)) ? 1 : 0;
  };
  if (all.length < 2) return all;
  return all
    .map((candidate) => ({ candidate, suspect: suspectLast(candidate), place: pinnedFirst(candidate) }))
    .sort((a, b) => a.suspect - b.suspect || a.place - b.place)
    .map(({ candidate }) => candidate);
}

/** A chain of its own, for what the first one cannot take: in the order in which it was written. */
export function chainOf(context: Context, input: RunInput, targets: readonly RouteTarget[]): readonly Candidate[] {
  return targets.map((target) => candidateOf(context, input, target, input.route.groups.length, undefined));
}

function candidateOf(
  context: Context,
  input: RunInput,
  target: RouteTarget,
  group: number,
  pin: Pin | undefined,
): Candidate {
  const { provider } = target;
  const model = target.model ?? input.model ?? '';
  const pinned = pin !== undefined && pin.provider === provider.name && pin.model === model;
  const { conversation } = input;
  const draw = conversation === undefined ? context.random() : even(`${provider.name}\0${conversation}`);
  if (provider.credential.kind !== 'keys') return { target, group, model, keys: [undefined], pinned, draw };
  const ordered = byWeight(provider.credential.keys, ({ name }) => name, { conversation, random: context.random });
  const own = pinned ? ordered.find(({ name }) => name === pin.key) : undefined;
  const [first, ...rest] = own === undefined ? ordered : [own, ...ordered.filter((key) => key !== own)];
  return { target, group, model, keys: [first, ...rest], pinned, draw };
}

/** What a key is held by for one model of its provider alone. */
export function modelKeyId(keyId: string, model: string): string {
  return `${keyId}\0model\0${model.slice(0, LONGEST_NAME)}`;
}

/** A key's id over all providers; undefined: a caller's own credential that nothing is known about. */
export function keyIdOf(provider: string, key: string | undefined, callerKey: string | undefined): string | undefined {
  if (key !== undefined) return `${provider}\0${key}`;
  return callerKey === undefined ? undefined : `${provider}\0\0${callerKey}`;
}
