// SPDX-License-Identifier: Apache-2.0
// What the schemas of messages and objects take and refuse, by a good value of each that is spoilt.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { SAMPLES } from '../../../test/fakes/sync-samples.ts';
import { SYNC_ERRORS } from './errors.ts';
import * as messages from './messages.ts';
import * as objects from './objects.ts';
import { MAX_BATCH_ROWS } from './words.ts';

type Name = keyof typeof SAMPLES;
type Members = Readonly<Record<string, unknown>>;

const SCHEMAS = { ...messages, ...objects };
const NAMES = Object.keys(SAMPLES) as Name[];
/** What is not signed, and comes from a server: it may grow. */
const GROWING: ReadonlySet<Name> = new Set([
  'discovery',
  'errorAnswer',
  'enrollAnswer',
  'rotateAnswer',
  'statusAnswer',
  'auditAnswer',
  'bindStartAnswer',
  'bindAnswer',
  'nudge',
]);
/** Members that may be absent. */
const OPTIONAL: Readonly<Partial<Record<Name, readonly string[]>>> = {
  errorAnswer: ['now', 'ack', 'seq'],
  deviceFacts: ['serial'],
  auditBatch: ['lost'],
  freshPayload: ['min_agent'],
};

const taken = (name: Name, value: unknown) => SCHEMAS[name].safeParse(value).success;

/** The sample with some members replaced. */
const but = (name: Name, more: Members) => ({ ...(SAMPLES[name] as Members), ...more });

function refusedEach(name: Name, spoilt: readonly Members[]): void {
  for (const more of spoilt) assert.ok(!taken(name, but(name, more)), `${name} with ${JSON.stringify(more)}`);
}

function takenEach(name: Name, spoilt: readonly Members[]): void {
  for (const more of spoilt) assert.ok(taken(name, but(name, more)), `${name} with ${JSON.stringify(more)}`);
}

/** The value once for each object in it that is no record, with a member more there. */
function* grown(value: unknown, key = ''): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && key !== 'files' && key !== 'values') yield { ...value, extra: 1 };
  for (const [name, member] of Object.entries(value)) {
    for (const other of grown(member, name)) {
      yield Array.isArray(value) ? value.with(Number(name), other) : { ...value, [name]: other };
    }
  }
}

test('each schema has a sample and takes it as it is', () => {
  const schemas = Object.entries(SCHEMAS).filter(([, one]) => one instanceof z.ZodType);
  assert.deepEqual(schemas.map(([name]) => name).sort(), [...NAMES].sort());
  for (const name of NAMES) assert.deepEqual(SCHEMAS[name].parse(SAMPLES[name]), SAMPLES[name]);
});

test('no unknown member is taken in requests and signed payloads, however deep', () => {
  for (const name of NAMES.filter((one) => !GROWING.has(one))) {
    const cases = [...grown(SAMPLES[name])];
    assert.ok(cases.length > 0, name);
    for (const value of cases) assert.ok(!taken(name, value), `${name}: ${JSON.stringify(value)}`);
  }
});

test('unknown members of answers that are not signed are left out', () => {
  for (const name of GROWING) {
    assert.deepEqual(SCHEMAS[name].parse(but(name, { extra: { a: 1 } })), SAMPLES[name], name);
  }
  const [answer] = [...grown(SAMPLES.auditAnswer.receipt)];
  assert.ok(!taken('auditAnswer', but('auditAnswer', { receipt: answer })), 'the object in it is signed');
});

test('every member is needed, but for the few that say so', () => {
  for (const name of NAMES) {
    if (name === 'kill') continue;
    for (const member of Object.keys(SAMPLES[name])) {
      const { [member]: _left, ...rest }: Members = SAMPLES[name];
      const optional: boolean = OPTIONAL[name]?.includes(member) ?? false;
      assert.equal(taken(name, rest), optional, `${name} without ${member}`);
      assert.ok(!taken(name, but(name, { [member]: Number.NaN })), `${name} with a bad ${member}`);
    }
    assert.ok(!taken(name, null) && !taken(name, [SAMPLES[name]]) && !taken(name, JSON.stringify(SAMPLES[name])));
  }
});

test('an order has a target if and only if its level needs one', () => {
  const { target: _target, ...general } = SAMPLES.kill;
  const proof = SAMPLES.rotateRequest.proof;
  const takes = (more: Members) => taken('kill', { ...general, ...more });
  for (const level of ['block-provider', 'block-app']) {
    assert.ok(takes({ level, target: 'x' }));
    assert.ok(!takes({ level }), level);
    assert.ok(!takes({ level, target: '' }), level);
    assert.ok(!takes({ level, target: 'x', proof }), `${level} with a proof`);
  }
  assert.ok(takes({ level: 'block-all-ai' }));
  assert.ok(!takes({ level: 'block-all-ai', target: 'x' }));
  assert.ok(!takes({ level: 'block-all-ai', proof }));
  assert.ok(takes({ level: 'bypass', proof }));
  assert.ok(!takes({ level: 'bypass' }), 'a bypass without a proof');
  assert.ok(!takes({ level: 'bypass', proof, target: 'x' }));
  assert.ok(!takes({ level: 'pass', proof }));
});

test('a bad order spoils the freshness document', () => {
  const { target: _target, ...bad } = SAMPLES.kill;
  refusedEach('freshPayload', [
    { kill: [SAMPLES.kill, bad] },
    { kill: Array.from({ length: 65 }, () => SAMPLES.kill) },
  ]);
});

test('a freshness document names nothing out of range', () => {
  const bundle = SAMPLES.freshPayload.bundle as Members;
  takenEach('freshPayload', [{ bundle: null }, { secrets: 0 }, { next_poll_s: 5 }, { next_poll_s: 86_400 }]);
  refusedEach('freshPayload', [
    { v: 2 },
    { org: 'Acme' },
    { seq: 0 },
    { seq: 2 ** 53 },
    { root: 0 },
    { root: 1_000_001 },
    { bundle: { ...bundle, version: 0 } },
    { bundle: { ...bundle, bytes: 0 } },
    { bundle: { ...bundle, sha256: 'AB'.repeat(32) } },
    { next_poll_s: 4 },
    { next_poll_s: 86_401 },
    { next_poll_s: 60.5 },
    { revoked: ['0123456789ABCDEF'] },
    { revoked: Array.from({ length: 4097 }, () => '0'.repeat(16)) },
    { expires: -1 },
    { expires: Number.POSITIVE_INFINITY },
  ]);
});

test('a bundle and an envelope hold so many files and secrets, and no more', () => {
  const many = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`name-${n}`, value]));
  takenEach('bundlePayload', [{ files: {} }, { files: many(32, '') }]);
  refusedEach('bundlePayload', [
    { files: many(33, '') },
    { files: { '': 'x' } },
    { config: 'x'.repeat(1_048_577) },
    { files: { a: 1 } },
    { version: 0 },
  ]);
  takenEach('secretsPayload', [{ values: {} }, { values: many(1024, 'x') }]);
  refusedEach('secretsPayload', [
    { values: many(1025, 'x') },
    { values: { openai: '' } },
    { values: { openai: 'two words' } },
    { values: { openai: 'line\n' } },
    { values: { openai: 'é' } },
    { values: { '-x': 'y' } },
    { values: { 'a b': 'y' } },
    { override_key: 'A'.repeat(42) },
    { number: 0 },
  ]);
});

test('the rows of a batch follow each other and the row before them', () => {
  const [row] = SAMPLES.auditBatch.rows;
  const after = { seq: 4, hash: 'ab'.repeat(32) };
  const rows = (...numbers: readonly number[]) => numbers.map((seq) => ({ ...row, seq }));
  takenEach('auditBatch', [
    { rows: rows(5) },
    { rows: rows(5, 6, 7) },
    { after: { seq: 0, hash: '0'.repeat(64) }, rows: rows(1, 2) },
    { rows: rows(...Array.from({ length: MAX_BATCH_ROWS }, (_, n) => n + 5)) },
  ]);
  refusedEach('auditBatch', [
    { rows: [] },
    { rows: rows(4) },
    { rows: rows(6) },
    { rows: rows(5, 7) },
    { rows: rows(5, 5) },
    { rows: rows(6, 5) },
    { after: { ...after, seq: -1 }, rows: rows(0) },
    { rows: rows(...Array.from({ length: MAX_BATCH_ROWS + 1 }, (_, n) => n + 5)) },
    { rows: [{ ...row, body: {} }] },
    { rows: [{ ...row, hash: 'ab' }] },
    { epoch: 'x' },
    { lost: { from: 0, to: 4, reason: 'cap' } },
  ]);
});

test('enrolment takes only a token in its one form, and only public keys of the right kind', () => {
  const { keys } = SAMPLES.enrollRequest;
  refusedEach('enrollRequest', [
    ...['', 'A'.repeat(43), `ote_${'A'.repeat(42)}`, `ote_${'A'.repeat(44)}`, `OTE_${'A'.repeat(43)}`].map((token) => ({
      token,
    })),
    { token: `ote_${'A'.repeat(42)}+` },
    { token: `ote_${'A'.repeat(43)}\n` },
    { keys: { sign: keys.seal, seal: keys.sign } },
    { keys: { ...keys, sign: { ...keys.sign, d: keys.sign.x } } },
    { keys: { ...keys, sign: { ...keys.sign, kty: 'EC' } } },
    { facts: { ...SAMPLES.deviceFacts, name: '' } },
    { facts: { ...SAMPLES.deviceFacts, name: 'a\u0000b' } },
    { facts: { ...SAMPLES.deviceFacts, agent: 'latest' } },
    { v: 2 },
  ]);
});

test('a status tells a NACK with at least one reason, and no state that there is not', () => {
  const candidate = SAMPLES.statusRequest.candidate as Members;
  const queue = SAMPLES.statusRequest.queue;
  takenEach('statusRequest', [
    { active: null, candidate: null, override_until: null, freshness: 'none' },
    { queue: { ...queue, epoch: null, oldest: null } },
  ]);
  refusedEach('statusRequest', [
    { candidate: { ...candidate, errors: [] } },
    { candidate: { ...candidate, errors: Array.from({ length: 21 }, () => SAMPLES.policyFault) } },
    { freshness: 'revoked' },
    { coverage: { interception: 'off', warnings: [] } },
    { queue: { ...queue, rows: -1 } },
    { clock_delta_ms: 0.5 },
    { root: 0 },
  ]);
});

test('the browser is sent nowhere but to loopback', () => {
  const uris = [
    'http://localhost:1/x',
    'https://127.0.0.1:1/x',
    'http://127.0.0.1/x',
    'http://127.0.0.1:1',
    'http://127.0.0.1:1/x?y',
    'http://127.0.0.1:1/x#y',
    'http://127.0.0.1:1@evil.example/x',
    'http://127.0.0.1.evil.example:1/x',
    'http://127.0.0.1:1/%2f',
    'http://127.0.0.1:1/x\n',
  ];
  refusedEach(
    'bindStartRequest',
    uris.map((redirect_uri) => ({ redirect_uri })),
  );
  refusedEach('bindStartRequest', [{ state: 'short' }, { code_challenge: 'A'.repeat(44) }]);
  refusedEach('bindRequest', [{ code: '' }, { code_verifier: 'A'.repeat(42) }, { code_verifier: 'A'.repeat(129) }]);
  refusedEach('bindStartAnswer', [{ url: 'login' }, { url: `https://a.example/${'x'.repeat(4096)}` }]);
});

test('an error names a code of the catalogue', () => {
  takenEach(
    'errorAnswer',
    Object.keys(SYNC_ERRORS).map((error) => ({ error })),
  );
  refusedEach('errorAnswer', [{ error: 'nope' }, { error: 'toString' }, { message: 'a\nb' }, { seq: 0 }]);
});

test('discovery and nudges stay within bounds', () => {
  refusedEach('discovery', [{ protocols: [] }, { protocols: Array.from({ length: 17 }, () => 'x') }, { now: '1' }]);
  refusedEach('nudge', [{ spread_s: -1 }, { spread_s: 3601 }, { seq: -1 }]);
});
