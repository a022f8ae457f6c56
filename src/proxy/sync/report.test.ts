// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Device, facts, fresh, SHA, T0 } from '../../../test/fakes/sync-machine.ts';
import { statusRequest as schema } from '../../contract/sync/messages.ts';
import { isOlder, readStatusAnswer, reportable, type Surroundings, statusRequest } from './report.ts';

const AROUND: Surroundings = {
  facts: { name: 'laptop', os: { platform: 'linux', version: '6', arch: 'x64' }, agent: '1.2.3' },
  queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
  warnings: ['offline'],
};

test('a report is what the protocol says, from the first minute on', () => {
  for (const device of [new Device(), fresh()]) {
    assert.deepEqual(schema.parse(statusRequest(device.state, AROUND)), statusRequest(device.state, AROUND));
  }
});

test('a report says what rules, what was refused and what is obeyed', () => {
  const device = fresh();
  const until = T0 + 1000;
  const orders = [{ id: 'o1', level: 'bypass', reason: '', until } as const];
  const bundle = { version: 4, sha256: 'b'.repeat(64), bytes: 1 };
  device.do({ kind: 'document', facts: facts({ seq: 11, orders, bundle }), sha256: SHA });
  const faults = reportable([{ message: 'line\nbreak', line: 3, column: 5, at: 'models' }]);
  device.do({ kind: 'bundle-refused', refused: { version: 4, sha256: 'b'.repeat(64), secrets: 2, faults } });
  const report = schema.parse(statusRequest(device.state, AROUND));
  assert.deepEqual(report.active, { version: 3, sha256: SHA, since: T0 });
  assert.deepEqual(report.candidate, {
    version: 4,
    sha256: 'b'.repeat(64),
    errors: [{ message: 'line break', line: 3, column: 5, at: 'models' }],
  });
  assert.deepEqual(
    [report.kills, report.coverage.interception, report.fresh_seq, report.secrets],
    [['o1'], 'bypass', 11, 2],
  );
});

test('faults fit into a report, however many and long they are', () => {
  const fault = { message: 'x\u0000'.repeat(5000), line: 1, column: 1, at: 'y'.repeat(5000) };
  const device = fresh();
  const faults = reportable(Array.from({ length: 50 }, () => fault));
  device.do({ kind: 'bundle-refused', refused: { version: 4, sha256: SHA, secrets: 0, faults } });
  assert.equal(schema.parse(statusRequest(device.state, AROUND)).candidate?.errors.length, 20);
});

test('an answer is read as far as it is known; anything else is none', () => {
  const good = { now: T0, ring: 'r1', reenroll: false, user: { name: 'Ann', until: T0 } };
  const read = (value: unknown) => readStatusAnswer(Buffer.from(JSON.stringify(value)));
  assert.deepEqual(read({ ...good, more: 1, user: { ...good.user, more: 1 } }), good);
  assert.deepEqual(read({ ...good, user: null }), { ...good, user: null });
  for (const bad of [
    null,
    [],
    1,
    {},
    { ...good, now: 'x' },
    { ...good, ring: '../r' },
    { ...good, reenroll: 1 },
    { ...good, user: 'Ann' },
  ]) {
    assert.equal(read(bad), undefined, JSON.stringify(bad));
  }
  assert.equal(readStatusAnswer(Buffer.from('{')), undefined);
});

test('versions are compared number by number', () => {
  for (const [version, than, older] of [
    ['1.2.3', '1.2.4', true],
    ['1.9.0', '1.10.0', true],
    ['2.0.0', '1.99.99', false],
    ['1.2.3', '1.2.3', false],
    ['1.2.3-dev', '1.2.3', false],
    ['1.2.3', '1.3.0-rc.1', true],
  ] as const) {
    assert.equal(isOlder(version, than), older, `${version} ${than}`);
  }
});
