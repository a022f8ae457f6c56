// SPDX-License-Identifier: Apache-2.0
// Which keys a zod schema knows at a place. For "did you mean" in error texts and for the test that keeps the reference page
// complete. Pure; knows nothing of any particular schema.

import { z } from 'zod';

/** The schemas that a value of this schema may have one level down, without the wrappers of optional, default and checks. */
function unwrap(schema: unknown): readonly unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrap(option));
  return [schema];
}

/** Keys of the objects that may stand at `path`; numbers are array positions. Empty when there is no object. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let level = unwrap(schema);
  for (const step of path) {
    level = level.flatMap((here) => {
      if (here instanceof z.ZodArray && typeof step === 'number') return unwrap(here.element);
      if (here instanceof z.ZodObject && typeof step === 'string' && Object.hasOwn(here.shape, step)) {
        return unwrap(here.shape[step]);
      }
      return [];
    });
  }
  return level.flatMap((here) => (here instanceof z.ZodObject ? Object.keys(here.shape) : []));
}

/** All keys, as dotted paths; `[]` marks the elements of a list (`providers[].base_url`). */
export function allKeys(schema: z.ZodType, at = ''): readonly string[] {
  return unwrap(schema).flatMap((here): readonly string[] => {
    if (here instanceof z.ZodArray) return allKeys(here.element as z.ZodType, `${at}[]`);
    if (!(here instanceof z.ZodObject)) return [];
    return Object.entries(here.shape).flatMap(([key, value]) => {
      const path = at === '' ? key : `${at}.${key}`;
      return [path, ...allKeys(value as z.ZodType, path)];
    });
  });
}

/** Edit distance (Levenshtein) of two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word that was probably meant: at most two edits, or a third of the word, away. */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const near = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate) }))
    .filter(
      ({ candidate, edits }) => edits <= Math.max(2, Math.floor(candidate.length / 3)) && edits < candidate.length,
    )
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.candidate;
}
