// SPDX-License-Identifier: Apache-2.0
// From bytes to a checked value. Knows no schema of its own.

import type { z } from 'zod';

/** Throws TypeError for what is not UTF-8. A byte order mark stays, which is no JSON. */
export function utf8Text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** undefined: not UTF-8, not JSON, or not of the schema. Never throws. */
export function parsePayload<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | undefined {
  try {
    return schema.safeParse(JSON.parse(utf8Text(bytes))).data;
  } catch {
    return undefined;
  }
}
