// SPDX-License-Identifier: Apache-2.0
// The table A to J of ARCHITECTURE.md, "Failure classes", row by row.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, failed, HANG, RESET, refused } from '../../../test/fakes/routing.ts';
import { classify } from './failure.ts';
import type { AttemptOutcome, FailureClass } from './routing.ts';

const AFTER = { 'retry-after': '7' };
const unreachable = (detail: string) => failed({ detail });

/** The provider says in the body when to try again. */
const inBody = (outcome: AttemptOutcome): AttemptOutcome =>
  outcome.kind === 'refused' ? { ...outcome, retryAfterMs: 3_000 } : outcome;

type Row = readonly [
  outcome: AttemptOutcome,
  expected: FailureClass | undefined,
  retryAfterMs?: number | undefined,
  hint?: string,
];

const ROWS: readonly Row[] = [
  [COMPLETE, undefined],
  // A
  ...[400, 404, 405, 409, 413, 415, 422, 418].map((status): Row => [refused(status), 'client-mistake']),
  [refused(404, 'not-found'), 'client-mistake'],
  [refused(404, 'model-not-found'), 'model-missing'],
  [refused(400, 'model-not-found'), 'model-missing'],
  [refused(400, 'context-length'), 'context-length'],
  [refused(413, 'context-length'), 'context-length'],
  [refused(403, 'content-policy'), 'content-policy'],
  [failed({ code: 'OUT_BAD_REQUEST' }), 'client-mistake'],
  [failed({ code: 'OUT_INTERNAL' }), 'client-mistake'],
  [{ ...refused(401), callersOwn: true }, 'client-mistake'],
  [{ ...refused(400, 'authentication'), callersOwn: true }, 'client-mistake'],
  [{ ...refused(402, 'quota'), callersOwn: true }, 'credential'],
  // B
  ...[401, 402, 403].map((status): Row => [refused(status), 'credential']),
  [refused(400, 'authentication'), 'credential'],
  [refused(403, 'permission'), 'credential'],
  [refused(429, 'quota'), 'credential'],
  [refused(429, 'quota', { 'x-ratelimit-reset-requests': '1s' }), 'credential'],
  [refused(200, 'quota'), 'credential'],
  // C
  [refused(429, 'quota', AFTER), 'rate-limit', 7_000],
  [refused(429, 'rate-limit', AFTER), 'rate-limit', 7_000],
  [refused(429, 'rate-limit', { 'retry-after-ms': '20' }), 'rate-limit', 20],
  [refused(429, 'rate-limit', { 'x-ratelimit-reset-tokens': '6m0s' }), 'rate-limit', 360_000],
  [refused(429), 'rate-limit'],
  [inBody(refused(429)), 'rate-limit', 3_000],
  [inBody(refused(429, 'rate-limit', AFTER)), 'rate-limit', 7_000],
  [refused(400, 'rate-limit'), 'rate-limit'],
  [refused(529, 'overloaded', AFTER), 'rate-limit', 7_000],
  // D
  [refused(529, 'overloaded'), 'overload'],
  [refused(503, 'overloaded'), 'overload'],
  [refused(503, 'server', AFTER), 'overload', 7_000],
  [refused(500, 'overloaded'), 'overload'],
  [refused(429, 'overloaded'), 'overload'],
  [refused(200, 'overloaded'), 'overload'],
  // E
  ...[408, 425, 500, 502, 504, 520, 599].map((status): Row => [refused(status), 'transient']),
  [refused(425, 'overloaded'), 'transient'],
  [refused(424, 'server'), 'transient'],
  [refused(409, 'unknown', { 'x-should-retry': 'true' }), 'transient'],
  [refused(409, 'unknown', { 'x-should-retry': 'false' }), 'client-mistake'],
  [RESET, 'transient'],
  [unreachable('ECONNREFUSED'), 'transient'],
  [failed({ detail: undefined }), 'transient'],
  [failed({ code: 'OUT_UPSTREAM_UNTRUSTED', detail: 'CERT_HAS_EXPIRED' }), 'transient'],
  [{ kind: 'broken', timeout: false }, 'transient'],
  // F
  [HANG, 'hang'],
  [failed({ code: 'OUT_UPSTREAM_TIMEOUT', timeout: 'connect' }), 'hang'],
  [{ kind: 'broken', timeout: true }, 'hang'],
  // G
  [failed({ code: 'OUT_UPSTREAM_BROKEN', headSeen: true, sent: true }), 'bad-answer'],
  [refused(200, 'server'), 'bad-answer'],
  [refused(200, 'unknown'), 'bad-answer'],
  [refused(302, 'unknown'), 'bad-answer'],
  [
    failed({ code: 'OUT_UPSTREAM_BROKEN', detail: 'HTML instead of an answer', headSeen: true }),
    'bad-answer',
    undefined,
    'portal',
  ],
  // H: one attempt alone only gives a hint.
  ...['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].map(
    (detail): Row => [unreachable(detail), 'transient', undefined, 'unreached'],
  ),
  // I
  [failed({ staleSocket: true, detail: 'UND_ERR_SOCKET', sent: true }), 'stale-socket'],
  [failed({ staleSocket: true, code: 'OUT_UPSTREAM_BROKEN', headSeen: true }), 'bad-answer'],
  // J
  [{ kind: 'left' }, 'client-left'],
];

test('each outcome is of the class that the table says', () => {
  for (const [outcome, expected, retryAfterMs, hint] of ROWS) {
    const found = classify(outcome, Date.UTC(2030, 0, 1));
    const shown = { class: found.class, retryAfterMs: found.retryAfterMs, hint: found.hint };
    assert.deepEqual(shown, { class: expected, retryAfterMs, hint }, JSON.stringify(outcome));
  }
});

test('a missing permission is of one model, a refused key is out altogether', () => {
  const holds = (outcome: AttemptOutcome) => classify(outcome, 0).holds;
  assert.deepEqual([holds(refused(403)), holds(refused(400, 'permission'))], ['model', 'model']);
  for (const outcome of [refused(401), refused(402), refused(403, 'authentication'), refused(403, 'quota')])
    assert.equal(holds(outcome), undefined, JSON.stringify(outcome));
});
