// SPDX-License-Identifier: Apache-2.0
// What the tokens of calls cost, by what rows tell of them and what is known of models. Knows no rows and no files.

import type { Usage } from '../dialects/dialect.ts';
import { createModelData, type ModelOverrides } from '../models/model-data.ts';
import { compileGlob } from '../policy/glob.ts';

/** What the configuration has to say. Plain data: it crosses from one thread to another. */
export interface PriceFacts {
  /** Names of providers, and of which type each is. */
  readonly types: readonly (readonly [name: string, type: string])[];
  readonly overrides: ModelOverrides;
}

export interface Priced {
  readonly provider: string;
  /** As the provider calls the model that answered; '' where it did not say. */
  readonly answered: string;
  /** As it was sent; '' where that is not known. */
  readonly sent: string;
  readonly usage: Usage;
}

/** US dollars; undefined: price or tokens are not known. */
export type CostOf = (call: Priced) => number | undefined;

/**
 * The name in the answer goes first: it says the edition, and what a deployment of any name is. A provider that the configuration has no
 * more counts as the type of its name, as built-in providers are named.
 */
export function createPrices({ types, overrides }: PriceFacts): CostOf {
  const typeOf = new Map(types);
  const models = createModelData({ overrides, compileGlob });
  return ({ provider, answered, sent, usage }) => {
    const type = typeOf.get(provider) ?? provider;
    return models.costOf(type, answered, usage) ?? models.costOf(type, sent, usage);
  };
}
