// SPDX-License-Identifier: Apache-2.0
// JSON that is parsed only to be written again within another document: numbers beyond a double's precision keep their text. Knows
// nothing of dialects.

import { parseShallow } from './values.ts';

declare global {
  // Not in TypeScript's library yet; in Node since 22.
  interface JSON {
    rawJSON(text: string): object;
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** Digits that a double may not hold, or an exponent. Text in strings may look like it: that costs time, nothing else. */
const SUSPECT = /\d[\d.]{15}|\d[eE][-+]?\d/;

/**
 * As parseShallow, but JSON.stringify writes long numbers and those with an exponent as they stood (12345678901234567890, 1e400):
 * in their place is an object of JSON.rawJSON. So not for looking at numbers.
 */
export function parseExact(text: string): unknown {
  const value = parseShallow(text);
  if (typeof value !== 'object' || value === null || !SUSPECT.test(text)) return value;
  return JSON.parse(text, (_key, each, { source }) =>
    typeof each === 'number' && source !== undefined && SUSPECT.test(source) ? JSON.rawJSON(source) : each,
  );
}
