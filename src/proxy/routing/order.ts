// SPDX-License-Identifier: Apache-2.0
// In which order the targets of a group, and the keys of a provider, are tried. Pure; never across groups.

import type { RouteGroup, RouteTarget } from '../policy/policy.ts';
import { even } from './hash.ts';

export interface OrderInput {
  /** What the conversation is known by; with it the order by weight is always the same. */
  readonly conversation: string | undefined;
  readonly random: () => number;
  /** Dollars for a million tokens, blended; undefined: not known. */
  readonly priceOf: (target: RouteTarget) => number | undefined;
  /** What choosing it now would cost in time; 0: not known. */
  readonly loadOf: (target: RouteTarget) => number;
}

export function orderTargets(group: RouteGroup, input: OrderInput): readonly RouteTarget[] {
  const { targets } = group;
  if (targets.length < 2) return targets;
  switch (group.order) {
    case 'listed':
      return targets;
    case 'weighted':
      return byWeight(targets, ({ provider, model }) => `${provider.name}\0${model ?? ''}`, input);
    case 'cost':
      return [...targets].sort((a, b) => difference(input.priceOf(a), input.priceOf(b)));
    case 'latency':
      return byLoad(targets, input);
  }
}

/**
 * Weighted rendezvous hashing: each draws an even number from the conversation and its own name, so that a conversation finds its
 * place without anybody keeping it, and one that drops out moves only its own. Without a conversation the numbers are random.
 * Weight 0: after all others.
 */
export function byWeight<T extends { readonly weight: number }>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { conversation, random }: Pick<OrderInput, 'conversation' | 'random'>,
): readonly T[] {
  if (items.length < 2) return items;
  return items
    .map((item) => {
      const drawn = conversation === undefined ? random() : even(`${conversation}\0${nameOf(item)}`);
      const cost = -Math.log(Math.max(drawn, Number.MIN_VALUE));
      return { item, idle: item.weight > 0 ? 0 : 1, cost: item.weight > 0 ? cost / item.weight : cost };
    })
    .sort((a, b) => a.idle - b.idle || a.cost - b.cost)
    .map(({ item }) => item);
}

/** Power of two choices: the better of two at random first, so that not every call runs to the same; the rest by load. */
function byLoad(targets: readonly RouteTarget[], { random, loadOf }: OrderInput): readonly RouteTarget[] {
  const rows = targets.map((target) => ({ target, load: loadOf(target) }));
  const one = Math.min(Math.floor(random() * rows.length), rows.length - 1);
  const step = 1 + Math.min(Math.floor(random() * (rows.length - 1)), rows.length - 2);
  const [a, b] = [rows[one], rows[(one + step) % rows.length]];
  if (a === undefined || b === undefined) return targets;
  const first = b.load < a.load ? b : a;
  const rest = rows.filter((row) => row !== first).sort((left, right) => left.load - right.load);
  return [first, ...rest].map(({ target }) => target);
}

function difference(a: number | undefined, b: number | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return a - b;
}
