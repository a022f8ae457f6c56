// SPDX-License-Identifier: Apache-2.0
// Peculiarities of Google's JSON that both directions of the Gemini codec meet. Pure; knows no hub.

import type { Values } from '../../json/values.ts';

/**
 * Stands in place of a thought signature where the history comes from another model. Google documents it for this: Gemini 3
 * answers 400 to a function call in the history that has none.
 */
export const FOREIGN_SIGNATURE = 'skip_thought_signature_validator';

/** Google takes both `maxOutputTokens` and `max_output_tokens`: the same members with camel-case names. Not deep. */
export function camelKeys(value: Values): Values {
  const names = Object.keys(value);
  if (!names.some((name) => name.includes('_'))) return value;
  return Object.fromEntries(names.map((name) => [camel(name), value[name]]));
}

function camel(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Google takes the URL-safe alphabet and line breaks as well; the hub knows plain base64. */
export function plainBase64(data: string): string {
  return /[-_\s]/.test(data) ? data.replaceAll('-', '+').replaceAll('_', '/').replace(/\s+/g, '') : data;
}

/** Generation of a Gemini model by its name: 3 for `gemini-3.1-pro`; undefined for aliases and other models. */
export function generationOf(model: string): number | undefined {
  const digits = /gemini-(\d{1,2})(?:\D|$)/.exec(model)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
