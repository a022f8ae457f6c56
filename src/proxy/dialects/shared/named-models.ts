// SPDX-License-Identifier: Apache-2.0
// Which models a request names: the path and every `model` of the body, in any case. Providers differ in which of two they take,
// so none is left out. Knows no dialect and no rule.

import type { JsonNode } from '../json/node.ts';

/** Longest model name that is believed; longer ones do not fit a record and are no model. */
const MAX_MODEL = 256;

export interface NamedModels {
  readonly model: string | undefined;
  readonly otherModel: string | undefined;
  /** False: a name is too long, or there are more than two. Nobody can say then which model is meant. */
  readonly clear: boolean;
}

const UNCLEAR: NamedModels = { model: undefined, otherModel: undefined, clear: false };

/**
 * @param first names in the order in which they are believed; undefined and '' are no names.
 * @param holders objects whose `model` members count too.
 */
export function namedModels(
  first: readonly (string | undefined)[],
  holders: readonly JsonNode[],
  plain: (name: string) => string = (name) => name,
): NamedModels {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name !== undefined && name !== '') names.add(plain(name));
  };
  first.forEach(add);
  for (const holder of holders) for (const value of holder.alike('model')) add(value.string);
  const [model, otherModel, third] = [...names];
  if (third !== undefined || [...names].some((name) => name.length > MAX_MODEL)) return UNCLEAR;
  return { model, otherModel, clear: true };
}

/** Google's APIs take `models/NAME` and longer resource names for NAME; rules and rows speak of NAME, as paths do. */
export function withoutResourcePrefix(name: string): string {
  return /^(?:.*\/)?models\/([^/]+)$/.exec(name)?.[1] ?? name;
}
