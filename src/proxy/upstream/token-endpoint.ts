// SPDX-License-Identifier: Apache-2.0
// A form posted to a token endpoint over the pools of the daemon, bounded in time and size. Every failure is one that a chain of targets
// can go on from. Must not know what is in the form.

import type { Clock } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import type { PostForm } from './google-token.ts';
import { type PlainAnswer, plainRequest, textOf } from './plain-request.ts';
import type { Pools } from './pools.ts';

/** For the whole exchange, connecting included. Google answers within a second; a call waits for this before its first target is asked. */
const DEADLINE_MS = 8_000;
/** Token answers have about 1 KB. */
const MAX_BYTES = 65_536;

const HEADERS = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };

/**
 * The function rejects with an OutpostError only: OUT_UPSTREAM_TIMEOUT after eight seconds, OUT_UPSTREAM_UNREACHABLE before an answer,
 * OUT_UPSTREAM_BROKEN within one, or what the connector says. None has a cause: errors of other makers may hold what was sent.
 */
export function createPostForm({ clock, pools }: { readonly clock: Clock; readonly pools: () => Pools }): PostForm {
  return async (url, form) => {
    const deadline = new AbortController();
    const timer = clock.after(DEADLINE_MS, () => deadline.abort());
    const { signal } = deadline;
    let answer: PlainAnswer | undefined;
    try {
      answer = await plainRequest(pools(), url, { method: 'POST', headers: HEADERS, body: form, signal });
      return { status: answer.status, body: await textOf(answer.body, MAX_BYTES) };
    } catch (error) {
      if (signal.aborted) throw new OutpostError('OUT_UPSTREAM_TIMEOUT', 'token endpoint');
      if (error instanceof OutpostError) throw error;
      const code = answer === undefined ? 'OUT_UPSTREAM_UNREACHABLE' : 'OUT_UPSTREAM_BROKEN';
      throw new OutpostError(code, `token endpoint: ${reason(error)}`);
    } finally {
      timer.clear();
    }
  };
}

function reason(error: unknown): string {
  if (error instanceof RangeError) return `more than ${MAX_BYTES} bytes`;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) ? code : 'failed';
}
