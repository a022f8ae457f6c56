// SPDX-License-Identifier: Apache-2.0
// What is known of a model at a kind of provider: limits, abilities, price. The policy's own figures go before the snapshot's.
// Must not know requests, routes and health.

import type { Config } from '../../contract/config.ts';
import type { Usage } from '../dialects/dialect.ts';
import type { ModelFacts } from '../dialects/hub/codec.ts';
import { createTables, type Row } from './table.ts';

/** US dollars per million tokens, the list price of the first tier: what a long context costs more is not in it. */
export interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number | undefined;
  readonly cacheWrite: number | undefined;
}

/** `models_data` of the policy. Of several entries that match, the first that has a value for the thing asked counts. */
export type ModelOverrides = NonNullable<Config['models_data']>;

export interface ModelDataOptions {
  readonly overrides: ModelOverrides;
  /** The policy's globs over names (policy/glob.ts). */
  readonly compileGlob: (pattern: string) => (text: string) => boolean;
}

export interface ModelData {
  /** All undefined for a model that nobody knows. */
  factsOf(type: string, model: string): ModelFacts;
  priceOf(type: string, model: string): Price | undefined;
  /**
   * US dollars, an estimate by list price; undefined: price or tokens are not known. Cached input counts as `Usage` has it: part of
   * `input`; what has no price of its own costs as other input.
   */
  costOf(type: string, model: string, usage: Usage): number | undefined;
  /** May it think before its first word? False too where that is not known. */
  isReasoning(type: string, model: string): boolean;
}

const UNKNOWN: ModelFacts = {
  contextTokens: undefined,
  outputTokens: undefined,
  images: undefined,
  documents: undefined,
  tools: undefined,
  reasoning: undefined,
  jsonSchema: undefined,
  temperature: undefined,
};

function factsOfRow([context, output, letters]: Row): ModelFacts {
  const ability = (letter: string): boolean | undefined => {
    if (letters?.includes(letter.toUpperCase())) return true;
    return letters?.includes(letter) ? false : undefined;
  };
  return {
    contextTokens: context ?? undefined,
    outputTokens: output ?? undefined,
    images: ability('i'),
    documents: ability('p'),
    tools: ability('t'),
    reasoning: ability('r'),
    jsonSchema: ability('s'),
    temperature: ability('k'),
  };
}

/** What a relative's row tells: nothing that could make a target be skipped, or its answer be cut, for a lack that it may not have. */
function relativesFacts(row: Row): ModelFacts {
  const { images, documents, tools, jsonSchema, ...facts } = factsOfRow(row);
  return {
    ...facts,
    contextTokens: undefined,
    outputTokens: undefined,
    images: images || undefined,
    documents: documents || undefined,
    tools: tools || undefined,
    jsonSchema: jsonSchema || undefined,
  };
}

function priceOfRow([, , , input, output, cacheRead, cacheWrite]: Row): Price | undefined {
  if (input === undefined || input === null || output === undefined || output === null) return undefined;
  return { input, output, cacheRead: cacheRead ?? undefined, cacheWrite: cacheWrite ?? undefined };
}

function costAt(price: Price, usage: Usage): number | undefined {
  if (usage.input === undefined && usage.output === undefined) return undefined;
  const [read, write] = [usage.cacheRead ?? 0, usage.cacheWrite ?? 0];
  const fresh = Math.max(0, (usage.input ?? 0) - read - write);
  const { input, cacheRead = input, cacheWrite = input } = price;
  return (fresh * input + read * cacheRead + write * cacheWrite + (usage.output ?? 0) * price.output) / 1e6;
}

interface Override {
  readonly type: string | undefined;
  readonly matches: (model: string) => boolean;
  readonly facts: Partial<ModelFacts>;
  readonly price: Price | undefined;
}

function overrideOf(entry: ModelOverrides[number], compileGlob: ModelDataOptions['compileGlob']): Override {
  const { context, output, images, documents, tools, reasoning, json_schema: jsonSchema, price } = entry;
  const facts = { contextTokens: context, outputTokens: output, images, documents, tools, reasoning, jsonSchema };
  return {
    type: entry.provider_type,
    matches: compileGlob(entry.model),
    facts: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    price: price && {
      input: price.input,
      output: price.output,
      cacheRead: price.cache_read,
      cacheWrite: price.cache_write,
    },
  };
}

export function createModelData({ overrides, compileGlob }: ModelDataOptions): ModelData {
  const own = overrides.map((entry) => overrideOf(entry, compileGlob));
  const tableOf = createTables();
  const ownOf = (provider: string, model: string): readonly Override[] =>
    own.filter(({ type, matches }) => (type === undefined || type === provider) && matches(model));

  function factsOf(type: string, model: string): ModelFacts {
    const found = tableOf(type).find(model);
    let facts = found === undefined ? UNKNOWN : found.same ? factsOfRow(found.row) : relativesFacts(found.row);
    // The first entry wins, so it is laid on last.
    for (const one of ownOf(type, model).toReversed()) facts = { ...facts, ...one.facts };
    return facts;
  }

  function priceOf(type: string, model: string): Price | undefined {
    const ours = ownOf(type, model).find(({ price }) => price !== undefined);
    if (ours !== undefined) return ours.price;
    const found = tableOf(type).find(model);
    return found?.same ? priceOfRow(found.row) : undefined;
  }

  return {
    factsOf,
    priceOf,
    costOf(type, model, usage) {
      const price = priceOf(type, model);
      return price === undefined ? undefined : costAt(price, usage);
    },
    isReasoning: (type, model) => factsOf(type, model).reasoning === true,
  };
}
