// SPDX-License-Identifier: Apache-2.0
// When the machine looks and reports, and what it makes of what was found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIVE, BUILD, Device, facts, fresh, HOUR, SHA, T0 } from '../../../test/fakes/sync-machine.ts';
import type { FreshFacts } from './check/messages.ts';
import { REFUSED_MS } from './machine.ts';
import { conditionsOf, type Management } from './view.ts';

test('a device that is fresh looks within two minutes of its start, any other at once', () => {
  assert.deepEqual(fresh().said(), ['poll-in 60000', 'report-in 60000']);
  assert.deepEqual(new Device().said(), ['poll-in 0', 'report-in 60000']);
  assert.equal(new Device().state.view.phase, 'waiting');
});

test('a round is asked for when it is due, and the next one within a fifth of what the document says', () => {
  const device = fresh({ nextPollMs: 300_000 });
  device.do({ kind: 'poll-due' });
  assert.deepEqual(device.said(), ['round']);
  device.do({ kind: 'unchanged' });
  for (const [random, ms] of [
    [0, 240_000],
    [0.5, 300_000],
    [1, 360_000],
  ] as const) {
    const other = fresh({ nextPollMs: 300_000 });
    other.random = random;
    other.do({ kind: 'poll-due' });
    other.do({ kind: 'round-ended', failure: undefined });
    assert.deepEqual(other.said(), [`poll-in ${ms}`]);
  }
});

test('rounds that fail come back after a time that doubles, and one that succeeds starts anew', () => {
  const device = fresh();
  const waits = [1, 2, 3, 4].map(() => {
    device.round({ why: 'ECONNREFUSED' });
    return device.said().find((each) => each.startsWith('poll-in'));
  });
  assert.deepEqual(waits, ['poll-in 30000', 'poll-in 60000', 'poll-in 120000', 'poll-in 150000']);
  device.round();
  assert.equal(device.state.failures, 0);
  device.round({ why: 'ECONNREFUSED' });
  assert.ok(device.said().includes('poll-in 30000'));
});

test('a device without a fresh policy comes back sooner', () => {
  for (const device of [new Device(), new Device({ document: facts({ expires: T0 }), active: ACTIVE })]) {
    device.round({ why: 'ECONNREFUSED' });
    assert.ok(device.said().includes('poll-in 500'), device.state.view.phase);
    device.round({ why: 'ECONNREFUSED' });
    assert.ok(device.said().includes('poll-in 1000'), device.state.view.phase);
  }
});

test('Retry-After goes before the usual wait', () => {
  const device = fresh();
  device.round({ why: 'rate', retryAfterMs: 123_456 });
  assert.ok(device.said().includes('poll-in 123456'));
});

test('a round that fails is a missed contact, unless the server was heard in it', () => {
  const device = fresh();
  device.round({ why: 'too-large', contact: true });
  assert.equal(device.state.time.failedAt, undefined);
  device.round({ why: 'ECONNREFUSED' });
  assert.equal(device.state.time.failedAt, T0);
});

test('what is asked for while a round runs is done after it', () => {
  const device = fresh();
  device.do({ kind: 'poll-due' });
  device.do({ kind: 'poll-due' });
  assert.equal(device.state.again, undefined, 'a timer from before asks for nothing');
  device.do({ kind: 'asked' });
  assert.deepEqual(device.said(), []);
  device.do({ kind: 'round-ended', failure: undefined });
  assert.ok(device.said().includes('poll-in 0'));
  device.do({ kind: 'poll-due' });
  assert.deepEqual(device.said(), ['round']);
});

test('a nudge is followed within its spread, at once without one, and not for what is known', () => {
  const device = fresh();
  device.do({ kind: 'nudged', seq: 10, spreadMs: 30_000 });
  assert.deepEqual(device.said(), []);
  device.do({ kind: 'nudged', seq: 11, spreadMs: 30_000 });
  assert.deepEqual(device.said(), ['poll-in 15000']);
  device.do({ kind: 'nudged', seq: 11, spreadMs: 600_000 });
  assert.deepEqual(device.said(), ['poll-in 15000'], 'never later than planned');
  device.do({ kind: 'nudged', seq: 12, spreadMs: 0 });
  assert.deepEqual(device.said(), ['poll-in 0']);
});

test('a machine that wakes looks within seconds, however long it would have waited', () => {
  const device = fresh();
  for (let n = 0; n < 12; n++) device.round({ why: 'ENOTFOUND' });
  assert.ok(device.state.failures === 12);
  device.do({ kind: 'woke' });
  assert.deepEqual(device.said(), ['poll-in 2500']);
  assert.equal(device.state.failures, 0);
});

test('a document that is accepted raises the floors and counts as contact', () => {
  const device = new Device();
  device.do({ kind: 'poll-due' });
  device.do({ kind: 'document', facts: facts({ seq: 7, root: 2 }), sha256: SHA });
  const { floors, document, contact, refusedDocument } = device.state;
  assert.deepEqual([floors.root, floors.seq.get('r100'), document?.seq, contact], [2, 7, 7, T0]);
  assert.equal(refusedDocument, undefined);
  assert.ok(device.said().includes('save'));
});

test('a document that does not hold is remembered, and changes nothing else', () => {
  const table: readonly (readonly [Partial<FreshFacts>, RegExp])[] = [
    [{ seq: 9, issued: T0 + 60_001 }, /older/],
    [{ root: 0 }, /the root is older/],
    [{ seq: 11, expires: T0 }, /has expired/],
    [{ seq: 11, rootExpires: T0 }, /the root has expired/],
    [{ seq: 11, issued: BUILD - 1 }, /built/],
  ];
  for (const [change, said] of table) {
    const device = fresh();
    device.do({ kind: 'document', facts: facts(change), sha256: 'b'.repeat(64) });
    assert.equal(device.state.document?.seq, 10);
    assert.equal(device.state.refusedDocument?.sha256, 'b'.repeat(64));
    assert.match(device.state.refusedDocument?.faults[0]?.message ?? '', said);
    device.do({ kind: 'document', facts: facts({ seq: 12 }), sha256: SHA });
    assert.equal(device.state.refusedDocument, undefined, 'a good one ends it');
  }
});

test('a document that was in force before changes nothing, and counts as no contact', () => {
  for (const issued of [T0 - 3_600_000, T0, T0 + 60_000]) {
    const device = fresh();
    const before = device.state;
    device.do({ kind: 'document', facts: facts({ seq: 9, issued }), sha256: 'b'.repeat(64) });
    assert.deepEqual(device.state, before);
    assert.deepEqual(device.said(), []);
  }
});

test('a key that was taken out takes the floor of its role with it', () => {
  const device = fresh({ seq: 900 });
  const rotated = { policy: false, freshness: true };
  device.do({ kind: 'document', facts: facts({ seq: 5, root: 2, rotated }), sha256: SHA });
  assert.deepEqual([device.state.document?.seq, device.state.floors.bundle], [5, 3]);
  assert.equal(device.state.active?.secrets, 0, 'the envelope that it holds is worth nothing');
  const policy = fresh();
  policy.do({ kind: 'bundle-refused', refused: { version: 3, sha256: SHA, secrets: 2, faults: [] } });
  policy.do({
    kind: 'document',
    facts: facts({ seq: 11, root: 2, rotated: { policy: true, freshness: false } }),
    sha256: SHA,
  });
  assert.deepEqual([policy.state.floors.bundle, policy.state.floors.seq.get('r100')], [0, 11]);
  assert.deepEqual([policy.state.active?.secrets, policy.state.refusedBundle], [2, undefined]);
});

test('a bundle that does not hold stays remembered while it is the one that is offered', () => {
  const device = fresh();
  const refused = { version: 4, sha256: 'c'.repeat(64), secrets: 2, faults: [] };
  device.do({ kind: 'bundle-refused', refused });
  assert.deepEqual(device.state.refusedBundle, { ...refused, at: T0 });
  assert.ok(
    device.said().includes('changed') && device.said().includes('save') && device.said().includes('report-in 2500'),
  );
  const offered = { version: 4, sha256: 'c'.repeat(64), bytes: 1 };
  device.do({ kind: 'document', facts: facts({ seq: 11, bundle: offered }), sha256: SHA });
  assert.equal(device.state.refusedBundle?.version, 4);
  device.do({ kind: 'document', facts: facts({ seq: 12 }), sha256: SHA });
  assert.equal(device.state.refusedBundle, undefined);
  device.do({ kind: 'bundle-refused', refused });
  device.do({ kind: 'bundle-refused', refused: { ...refused, sha256: 'd'.repeat(64) } });
  assert.ok(device.said().includes('changed'), 'another one is news');
  assert.equal(REFUSED_MS, HOUR);
});

test('an activation ends the wait for a first policy, raises its floors and is reported', () => {
  const device = new Device({ document: facts() });
  assert.deepEqual(conditionsOf(device.state, device.state.view, device.management).gate, {
    kind: 'pass',
    rule: 'no-policy',
  });
  device.do({ kind: 'activated', active: ACTIVE });
  assert.equal(device.state.view.phase, 'fresh');
  assert.equal(device.state.floors.bundle, 3);
  assert.deepEqual(device.said(), [
    'freshness {"from":"waiting","state":"fresh"}',
    'changed',
    'report-in 2500',
    'save',
  ]);
});

test('before the first policy device management says what happens', () => {
  const management: Management = { beforeFirstPolicy: 'block', floors: {} };
  const device = new Device({ management });
  assert.deepEqual(conditionsOf(device.state, device.state.view, management).gate, {
    kind: 'block',
    rule: 'no-policy',
    code: 'OUT_NO_POLICY',
  });
});
