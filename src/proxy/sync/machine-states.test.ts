// SPDX-License-Identifier: Apache-2.0
// What rules on the device as time passes, orders come and go, and the server says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACTIVE,
  BUILD,
  DAY,
  Device,
  facts,
  fresh,
  HOUR,
  ORGANISATION,
  SHA,
  T0,
} from '../../../test/fakes/sync-machine.ts';
import type { TimedOrder } from './check/messages.ts';
import { REPORT_MS } from './machine.ts';
import { conditionsOf, type Management } from './view.ts';

test('fresh, stale, expired: each with its row, and looks hastened where time has run out', () => {
  const device = fresh();
  device.round();
  device.pass(DAY);
  assert.equal(device.state.view.phase, 'stale');
  assert.deepEqual(device.said(), [
    'freshness {"from":"fresh","state":"stale"}',
    'changed',
    'poll-in 0',
    'report-in 0',
    'save',
  ]);
  device.round({ why: 'ENOTFOUND' });
  device.pass(14 * DAY);
  assert.equal(device.state.view.phase, 'stale', 'grace is over, but nobody has asked since');
  assert.ok(device.said().some((each) => each.startsWith('poll-in')));
  device.round({ why: 'ENOTFOUND' });
  assert.equal(device.state.view.phase, 'expired');
  device.do({ kind: 'poll-due' });
  device.do({
    kind: 'document',
    facts: facts({ seq: 11, issued: T0 + device.at, expires: T0 + device.at + DAY }),
    sha256: SHA,
  });
  assert.equal(device.state.view.phase, 'fresh');
});

test('what happens after grace the policy says', () => {
  for (const [onExpired, gate] of [
    ['enforce', undefined],
    ['metadata-only', { kind: 'pass', rule: 'expired' }],
    ['block', { kind: 'block', rule: 'expired', code: 'OUT_POLICY_EXPIRED' }],
  ] as const) {
    const device = new Device({
      document: facts(),
      active: { ...ACTIVE, organisation: { ...ORGANISATION, onExpired } },
    });
    device.pass(15 * DAY);
    device.round({ why: 'ENOTFOUND' });
    assert.equal(device.state.view.phase, 'expired');
    assert.deepEqual(conditionsOf(device.state, device.state.view, device.management).gate, gate, onExpired);
  }
});

const STOP: TimedOrder = { id: 'o1', level: 'block-all-ai', reason: 'a drill', until: T0 + HOUR };
const BYPASS: TimedOrder = { id: 'o2', level: 'bypass', reason: 'a bad release', until: T0 + HOUR };

test('orders hold from the document that has them to their end, with a row for each end', () => {
  const device = fresh();
  device.do({ kind: 'document', facts: facts({ seq: 11, orders: [STOP] }), sha256: SHA });
  assert.deepEqual(
    device.said().filter((each) => each.startsWith('order')),
    [`order {"id":"o1","level":"block-all-ai","reason":"a drill","until":${T0 + HOUR}}`],
  );
  assert.deepEqual(device.effects.at(-1), { kind: 'look-in', ms: 60_000 });
  device.pass(HOUR - 1);
  assert.equal(device.state.view.orders.length, 1);
  assert.deepEqual(device.effects.at(-1), { kind: 'look-in', ms: 1 });
  device.pass(1);
  assert.ok(device.said().includes('order-ended {"id":"o1"}'));
  assert.equal(device.state.view.orders.length, 0);
});

test('an order that a newer document no longer has is over', () => {
  const device = fresh({ orders: [STOP] });
  assert.deepEqual(
    device.state.view.orders.map(({ id }) => id),
    ['o1'],
  );
  device.do({ kind: 'document', facts: facts({ seq: 11 }), sha256: SHA });
  assert.ok(device.said().includes('order-ended {"id":"o1"}'));
});

test('a bypass is not obeyed where device management forbids it', () => {
  const management: Management = { beforeFirstPolicy: 'pass', floors: { no_bypass: true } };
  const device = new Device({ document: facts({ orders: [STOP, BYPASS] }), active: ACTIVE, management });
  assert.deepEqual(
    device.state.view.orders.map(({ id }) => id),
    ['o1'],
  );
});

test('a revocation by refusal or by list forgets the secrets, and nothing is asked any more', () => {
  const refusedBy = fresh();
  refusedBy.round({ why: 'revoked' });
  const listed = fresh();
  listed.do({ kind: 'poll-due' });
  listed.do({ kind: 'document', facts: facts({ seq: 11, revoked: true }), sha256: SHA });
  const elsewhere = fresh();
  elsewhere.do({ kind: 'refused', why: 'revoked' });
  for (const device of [refusedBy, listed, elsewhere]) {
    assert.equal(device.state.view.phase, 'revoked');
    assert.ok(device.said().includes('forget') && device.said().includes('save'));
    assert.ok(device.said().includes('revoked {"action":"block"}'));
    assert.ok(!device.said().some((each) => each.startsWith('report-in')));
    assert.deepEqual(conditionsOf(device.state, device.state.view, device.management).gate, {
      kind: 'block',
      rule: 'revoked',
      code: 'OUT_DEVICE_REVOKED',
    });
    device.do({ kind: 'round-ended', failure: undefined });
    for (const kind of ['asked', 'poll-due', 'woke', 'report-due'] as const) {
      device.do({ kind });
      assert.deepEqual(device.said(), [], kind);
    }
  }
  const kept = { revoked: { since: T0, action: 'pass' } } as const;
  const restarted = new Device({ document: facts(), active: ACTIVE, kept });
  assert.deepEqual(restarted.said(), [], 'nor after a restart');
  const gate = conditionsOf(restarted.state, restarted.state.view, restarted.management).gate;
  assert.deepEqual(gate, { kind: 'pass', rule: 'revoked' });
});

test('a key that the server does not know leaves the policy in force, and is said until the server knows it again', () => {
  const device = fresh();
  device.round({ why: 'reenroll' });
  assert.equal(device.state.reenroll, true);
  assert.equal(device.state.view.phase, 'fresh');
  assert.ok(device.said().includes('save') && device.said().includes('changed'));
  device.do({ kind: 'report-due' });
  device.do({ kind: 'report-failed', failure: { why: 'reenroll' } });
  assert.ok(device.said().includes(`report-in ${REPORT_MS}`));
  device.do({ kind: 'report-due' });
  device.do({ kind: 'reported', answer: { now: T0, ring: 'r100', reenroll: false, user: null } });
  assert.equal(device.state.reenroll, false);
});

test('a server that tells its time dates requests, and nothing else', () => {
  const device = fresh();
  device.do({ kind: 'clock-told', serverNow: T0 + DAY });
  assert.equal(device.state.time.requestDelta, DAY);
  assert.equal(device.state.view.phase, 'fresh');
  device.do({ kind: 'clock-told', serverNow: BUILD - 1 });
  assert.equal(device.state.time.requestDelta, DAY, 'a time before the build is not believed');
});

test('reports go out every quarter of an hour, and soon after a change', () => {
  const device = fresh();
  device.do({ kind: 'report-due' });
  assert.deepEqual(device.said(), ['report']);
  device.do({ kind: 'report-due' });
  assert.deepEqual(device.said(), [], 'one at a time');
  device.do({ kind: 'document', facts: facts({ seq: 11, orders: [STOP] }), sha256: SHA });
  assert.ok(!device.said().some((each) => each.startsWith('report-in')), 'the one under way says what was');
  const answer = { now: T0, ring: 'r100', reenroll: false, user: { name: 'Ann', until: T0 + DAY } };
  device.do({ kind: 'reported', answer });
  assert.ok(device.said().includes('report-in 2500'));
  assert.deepEqual(device.state.user, answer.user);
  device.do({ kind: 'report-due' });
  device.do({ kind: 'reported', answer });
  assert.deepEqual(device.said(), [`report-in ${REPORT_MS}`]);
});

test('a report that fails is tried again, later and later', () => {
  const device = fresh();
  const waits = [1, 2, 3].map(() => {
    device.do({ kind: 'report-due' });
    device.do({ kind: 'report-failed', failure: { why: 'ECONNRESET' } });
    return device.said()[0];
  });
  assert.deepEqual(waits, ['report-in 2500', 'report-in 5000', 'report-in 10000']);
  device.do({ kind: 'report-due' });
  device.do({ kind: 'report-failed', failure: { why: 'rate', retryAfterMs: 77_000 } });
  assert.deepEqual(device.said(), ['report-in 77000']);
  assert.equal(device.state.time.failedAt, undefined, 'it is no look at the document');
});

test('a device that was moved to another ring looks there at once', () => {
  const device = fresh();
  device.do({ kind: 'report-due' });
  device.do({ kind: 'reported', answer: { now: T0, ring: 'r1', reenroll: false, user: null } });
  assert.equal(device.state.ring, 'r1');
  assert.ok(device.said().includes('poll-in 0') && device.said().includes('save'));
  device.do({ kind: 'nudged', seq: 3, spreadMs: 0 });
  assert.ok(device.said().includes('poll-in 0'), 'what was known is of the other ring');
});

test('a report’s answer tells the time where the clock is far off', () => {
  const device = fresh();
  device.do({ kind: 'report-due' });
  device.do({ kind: 'reported', answer: { now: T0 + 5000, ring: 'r100', reenroll: false, user: null } });
  assert.equal(device.state.time.requestDelta, 0, 'an answer takes its time');
  device.do({ kind: 'report-due' });
  device.do({ kind: 'reported', answer: { now: T0 + HOUR, ring: 'r100', reenroll: false, user: null } });
  assert.equal(device.state.time.requestDelta, HOUR);
});

test('an override lifts the rules until its end, its code is used up, and orders stay', () => {
  const device = fresh({ orders: [STOP] });
  device.do({ kind: 'code-tried', tries: [T0], refused: undefined });
  assert.deepEqual(device.said(), ['save']);
  device.do({ kind: 'override', id: '5-30', minutes: 30 });
  assert.ok(device.said().includes(`override {"id":"5-30","until":${T0 + 30 * 60_000}}`));
  assert.deepEqual(device.state.usedCodes, ['5-30']);
  const conditions = conditionsOf(device.state, device.state.view, device.management);
  assert.deepEqual(conditions.gate, { kind: 'pass', rule: 'override:5-30' });
  assert.equal(conditions.orders.length, 1);
  device.pass(30 * 60_000);
  assert.ok(device.said().includes('override-ended {"id":"5-30"}'));
  assert.equal(conditionsOf(device.state, device.state.view, device.management).gate, undefined);
});

test('a code that is refused leaves a row', () => {
  const device = fresh();
  device.do({ kind: 'code-tried', tries: [T0], refused: 'wrong' });
  assert.deepEqual(device.said(), ['override-refused {"reason":"wrong"}', 'save']);
});

test('the clocks are written down now and then, and looked at each minute', () => {
  const device = fresh();
  device.pass(60_000);
  assert.deepEqual(device.said(), []);
  assert.deepEqual(device.effects, [{ kind: 'look-in', ms: 60_000 }]);
  device.pass(540_000);
  assert.deepEqual(device.said(), ['save']);
});

test('what lies on the disk raises the floors, whatever became of the file that has them', () => {
  const { floors } = fresh().state;
  assert.deepEqual([floors.root, floors.bundle, floors.seq.get('r100')], [1, 3, 10]);
});
