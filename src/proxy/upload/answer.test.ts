// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditAnswer, errorAnswer } from '../../contract/sync/messages.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/words.ts';
import { readAnswer } from './answer.ts';

const HASH = 'ab'.repeat(32);
const ack = { epoch: '0123456789abcdef', seq: 7, hash: HASH };
const receipt = { payload: 'cGF5', signatures: [{ protected: 'aGVhZA', signature: 'A'.repeat(86) }] };

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return readAnswer({ kind: 'answer', status, headers: { [PROTOCOL_HEADER]: PROTOCOL, ...headers }, body: bytes });
}

test('an acknowledgement is read, also with members of later versions', () => {
  auditAnswer.parse({ ack, receipt });
  assert.deepEqual(answer(200, { ack, receipt }), { kind: 'ack', ack, receipt });
  assert.deepEqual(answer(200, { ack: { ...ack, more: 1 }, receipt, later: true }), { kind: 'ack', ack, receipt });
});

for (const [what, body] of [
  ['no JSON', '<html>welcome</html>'],
  ['no object', '[]'],
  ['null', 'null'],
  ['no receipt', { ack }],
  ['no ack', { receipt }],
  ['a fraction', { ack: { ...ack, seq: 1.5 }, receipt }],
  ['zero', { ack: { ...ack, seq: 0 }, receipt }],
  ['more than a double holds', { ack: { ...ack, seq: 2 ** 53 }, receipt }],
  ['a number as text', { ack: { ...ack, seq: '7' }, receipt }],
  ['a short hash', { ack: { ...ack, hash: 'ab' }, receipt }],
  ['another form of epoch', { ack: { ...ack, epoch: '../../etc/passwd' }, receipt }],
  ['a receipt of another form', { ack, receipt: { ...receipt, more: 1 } }],
  ['a receipt without signatures', { ack, receipt: { ...receipt, signatures: [] } }],
  ['a receipt that would fill the disk', { ack, receipt: { ...receipt, payload: 'A'.repeat(20_000) } }],
  ['a prototype', '{"__proto__":{"ack":1}}'],
] as const) {
  test(`a 200 with ${what} acknowledges nothing`, () => {
    assert.deepEqual(answer(200, body), { kind: 'failed', why: 'http-200' });
  });
}

test('an answer without the protocol’s header is not the control plane’s, whatever it says', () => {
  for (const [status, body] of [
    [200, { ack, receipt }],
    [401, { error: 'revoked', message: '' }],
    [409, { error: 'fork', message: '', seq: 1 }],
  ] as const) {
    assert.deepEqual(answer(status, body, { [PROTOCOL_HEADER]: 'outpost-sync/2' }), {
      kind: 'failed',
      why: `http-${status}`,
    });
  }
});

for (const [status, body, verdict] of [
  [409, { error: 'behind', ack: { seq: 3, hash: HASH } }, { kind: 'behind', ack: { seq: 3, hash: HASH } }],
  [409, { error: 'behind' }, { kind: 'failed', why: 'http-409' }],
  [409, { error: 'fork', seq: 5 }, { kind: 'fork', seq: 5 }],
  [409, { error: 'fork' }, { kind: 'fork', seq: undefined }],
  [413, { error: 'too-large' }, { kind: 'split' }],
  [422, { error: 'row', seq: 9 }, { kind: 'quarantine', seq: 9 }],
  [422, { error: 'row' }, { kind: 'failed', why: 'http-422' }],
  [401, { error: 'clock', now: 12 }, { kind: 'clock', now: 12 }],
  [401, { error: 'clock' }, { kind: 'failed', why: 'http-401' }],
  [401, { error: 'reenroll' }, { kind: 'refused', why: 'reenroll' }],
  [401, { error: 'revoked' }, { kind: 'refused', why: 'revoked' }],
  [401, { error: 'signature' }, { kind: 'failed', why: 'signature' }],
  [401, { error: 'replay' }, { kind: 'failed', why: 'replay' }],
  [400, { error: 'malformed' }, { kind: 'failed', why: 'malformed' }],
  [500, { error: 'internal' }, { kind: 'failed', why: 'internal' }],
  // The code and the status must agree.
  [500, { error: 'revoked' }, { kind: 'failed', why: 'http-500' }],
  [401, { error: 'toString' }, { kind: 'failed', why: 'http-401' }],
  [302, { error: 'behind' }, { kind: 'failed', why: 'http-302' }],
] as const) {
  test(`${status} ${JSON.stringify(body)} is ${verdict.kind}`, () => {
    const said = { message: 'x', ...body };
    if (verdict.kind !== 'failed') assert.ok(errorAnswer.safeParse(said).success, 'the contract has it');
    assert.deepEqual(answer(status, said), verdict);
  });
}

test('Retry-After counts with 429 and 503, also of a load balancer', () => {
  const asked = { 'retry-after': '120' };
  assert.deepEqual(answer(429, { error: 'rate', message: '' }, asked), {
    kind: 'failed',
    why: 'rate',
    retryAfter: '120',
  });
  assert.deepEqual(answer(503, 'busy', { ...asked, [PROTOCOL_HEADER]: '' }), {
    kind: 'failed',
    why: 'http-503',
    retryAfter: '120',
  });
  assert.deepEqual(answer(500, 'x', asked), { kind: 'failed', why: 'http-500' });
  assert.deepEqual(answer(503, 'x', { 'retry-after': '1'.repeat(100) }), { kind: 'failed', why: 'http-503' });
});

test('no answer is a failure with its code', () => {
  assert.deepEqual(readAnswer({ kind: 'none', why: 'ECONNREFUSED' }), { kind: 'failed', why: 'ECONNREFUSED' });
});
