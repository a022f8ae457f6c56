// SPDX-License-Identifier: Apache-2.0
// What routing needs to know of a request's conversation: a key that stays the same from turn to turn, and where in a tool loop it
// stands. Reads text, keeps none of it. Pure.

import { createHash } from 'node:crypto';
import type { RequestFacts, TextSpan } from '../dialects/dialect.ts';
import type { RawHeaders } from './call.ts';
import { header } from './edits.ts';

/** Headers by which clients name their session (codex, opencode, claude-code and gateways in front of us). */
const SESSION_HEADERS = ['session_id', 'x-session-id', 'x-session-affinity', 'x-claude-code-session-id'] as const;

/** How much of the first texts tells conversations apart; the rest need not be hashed. */
const HASHED_BYTES = 16_384;

export interface Conversation {
  /** undefined: nothing to tell it by. */
  readonly key: string | undefined;
  /** The last turn has results of tools: the model that asked for them should see them. */
  readonly inToolLoop: boolean;
  /** The caller pays for an hour of prompt cache. */
  readonly longCache: boolean;
  /** Estimate from the text's length, at four bytes a token. */
  readonly promptTokens: number;
}

const LONG_CACHE = [Buffer.from('"ttl":"1h"'), Buffer.from('"ttl": "1h"'), Buffer.from('"prompt_cache_retention"')];

/**
 * `body`: decoded.
 * The key is a hash of the model, the names of the tools, and the system prompt and first user text (or the client's own name for the
 * session, where it sends one): these stay while a conversation grows.
 */
export function conversationOf(facts: RequestFacts, body: Buffer | undefined, headers: RawHeaders): Conversation {
  const spans = body === undefined ? [] : facts.textSpans();
  const bytes = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const session = SESSION_HEADERS.map((name) => header(headers, name)).find((value) => value !== undefined);
  const system = spans.find(({ role }) => role === 'system');
  const user = spans.find(({ role }) => role === 'user');
  let key: string | undefined;
  if (session !== undefined || user !== undefined) {
    const hash = createHash('sha256').update(`${facts.model ?? ''}\0${facts.toolNames.join(',')}\0`);
    if (session !== undefined) hash.update(session.slice(0, 256));
    for (const span of session === undefined ? [system, user] : []) {
      if (span !== undefined && body !== undefined) {
        hash.update(body.subarray(span.start, Math.min(span.end, span.start + HASHED_BYTES))).update('\0');
      }
    }
    key = hash.digest('base64url');
  }
  return {
    key,
    inToolLoop: endsWithResults(spans),
    longCache: body !== undefined && LONG_CACHE.some((mark) => body.includes(mark)),
    promptTokens: Math.ceil(bytes / 4),
  };
}

/** Clients put remarks of their own beside the results, so that the last text alone says nothing. */
function endsWithResults(spans: readonly TextSpan[]): boolean {
  // `/messages/4`, `/input/7`: the turn that the last text stands in.
  const turn = spans.at(-1)?.pointer.split('/', 3).join('/');
  return spans.some(({ role, pointer }) => role === 'tool' && pointer.startsWith(`${turn}/`));
}
