// SPDX-License-Identifier: Apache-2.0
// Names of models: what is left of one without the places and dates that hosts put around it. Pure; knows no model.

/** Longest name that is looked at; a hostile caller may send megabytes. */
const MAX_NAME = 256;

/** Bedrock's inference profiles: where the call may be answered. */
const REGION = /^(?:us-gov|us|eu|apac|au|jp|ca|sa|global)\.(?=[a-z0-9-]+\.)/;

/** Bedrock's version of its own offer of a model: `-v1:0`, `-v1`, `:0`. Elsewhere -v2 and -v3 are other models. */
const OFFER = /(?:-v\d+:\d+|:\d+|-v1)$/;

/**
 * Endings that say which edition of a model is meant: dates in the ways of the vendors (20250929, 2024-08-06, 09-2025, 0613),
 * Gemini's -001, and the words for the newest. An ending that makes another model of it (-mini, -turbo, .5) is none of them.
 */
const EDITION = /[-@](?:20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d{4}|00\d|latest|default)$/;

/** What came before the model of that name: a relative with limits and prices of its own. */
const PREVIEW = /-(?:preview|exp)$/;

/** OpenRouter's and Hugging Face's choice of who serves the model (`:free`, `:nitro`, `:groq`). */
const VARIANT = /:(?!\d+$)[a-z0-9_.-]+$/;

export interface ModelName {
  /** Lower case, without resource paths. */
  readonly plain: string;
  /** Without region, offer, variant and one edition: other spellings of the very same model have it in common. */
  readonly same: string;
  /** `same` without `-preview`: what is like it. */
  readonly stem: string;
  /** A variant was dropped, or it is a fine-tuned model: like its base, but not the same. */
  readonly variant: boolean;
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
  // `ft:BASE:ORG:NAME:ID`.
  const tuned = /^ft:([^:]+):/.exec(plain)?.[1];
  const same = (tuned ?? base).replace(REGION, '').replace(OFFER, '').replace(EDITION, '');
  return { plain, same, stem: same.replace(PREVIEW, ''), variant: tuned !== undefined || base !== plain };
}
