// SPDX-License-Identifier: Apache-2.0
// Names of models: what is left of one without the places and dates that hosts put around it. Pure; knows no model.

/** Longest name that is looked at; a hostile caller may send megabytes. */
const MAX_NAME = 256;

/** Bedrock's inference profiles: where the call may be answered. */
const REGION = /^(?:us-gov|us|eu|apac|au|jp|ca|sa|global)\.(?=[a-z0-9-]+\.)/;

/**
 * Endings that say which edition of a model is meant: dates in the ways of the vendors (20250929, 2024-08-06, 09-2025, 0613),
 * Gemini's -001, Bedrock's -v1:0, and words. An ending that makes another model of it (-mini, -turbo, .5) is none of them.
 */
const EDITION = /(?:[-@](?:20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d{4}|00\d|v\d+|latest|default|preview|exp)|:\d+)$/;

/** OpenRouter's and Hugging Face's choice of who serves the model (`:free`, `:nitro`, `:groq`). */
const VARIANT = /:(?!\d+$)[a-z0-9_.-]+$/;

export interface ModelName {
  /** Lower case, without resource paths. */
  readonly plain: string;
  /** Without region, edition and variant. */
  readonly stem: string;
  /** A variant was dropped: the same model, but not for the same price. */
  readonly variant: boolean;
}

function dropAll(name: string, ending: RegExp): string {
  let here = name;
  for (let shorter = here.replace(ending, ''); shorter !== here; shorter = here.replace(ending, '')) here = shorter;
  return here;
}

/** undefined: not a name that could be in any list. */
export function parseModelName(text: string): ModelName | undefined {
  if (text === '' || text.length > MAX_NAME) return undefined;
  const plain = text
    .toLowerCase()
    // Gemini's `models/X`, Vertex' `publishers/P/models/X`, Bedrock's ARNs `arn:...:inference-profile/X`.
    .replace(/^(?:.*\/)?models\//, '')
    .replace(/^arn:.*\//, '');
  const base = plain.replace(VARIANT, '');
  // A fine-tuned model (`ft:BASE:ORG:NAME:ID`) can what its base can.
  const tuned = /^ft:([^:]+):/.exec(plain)?.[1];
  const stem = dropAll((tuned ?? base).replace(REGION, ''), EDITION);
  return { plain, stem, variant: tuned !== undefined || base !== plain };
}
