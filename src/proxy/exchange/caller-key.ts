// SPDX-License-Identifier: Apache-2.0
// What the caller's own credential is known by in this process, so that one that is over its rate is not spent call after call. Pure;
// keeps no credential and gives none on.

import { createHmac } from 'node:crypto';
import type { RawHeaders } from './call.ts';
import { header } from './edits.ts';

/** Those that tell accounts apart; cookies change from call to call. */
const HEADERS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const;

/** @param salt unpredictable and the same for the life of the process. undefined: the caller sent none. */
export function callerKeyOf(headers: RawHeaders, target: string, salt: string): string | undefined {
  const mark = target.indexOf('?');
  const inQuery = mark < 0 ? null : new URLSearchParams(target.slice(mark)).get('key');
  const found = [...HEADERS.map((name) => header(headers, name)), inQuery ?? undefined];
  if (found.every((value) => value === undefined)) return undefined;
  return createHmac('sha256', salt)
    .update(found.map((value) => value ?? '').join('\0'))
    .digest('base64url');
}
