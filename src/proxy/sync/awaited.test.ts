// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facts, fresh } from '../../../test/fakes/sync-machine.ts';

const waits = (said: readonly string[]): readonly string[] => said.filter((each) => each.startsWith('poll-in'));

test('a document that was told and cannot be had yet is asked for in haste', () => {
  const device = fresh();
  device.do({ kind: 'nudged', seq: 11, spreadMs: 0 });
  device.round({ why: 'ECONNRESET' });
  assert.deepEqual(waits(device.said()), ['poll-in 500']);
  device.round({ why: 'ECONNRESET' });
  assert.deepEqual(waits(device.said()), ['poll-in 1000']);
});

test('while a cache still answers with the one before, the device looks again within seconds', () => {
  const device = fresh();
  device.do({ kind: 'nudged', seq: 11, spreadMs: 0 });
  device.round();
  assert.deepEqual(waits(device.said()), ['poll-in 5000']);
  device.do({ kind: 'poll-due' });
  device.do({ kind: 'document', facts: facts({ seq: 11 }), sha256: 'b'.repeat(64) });
  device.do({ kind: 'round-ended', failure: undefined });
  assert.deepEqual(waits(device.said()), ['poll-in 60000']);
});

test('the haste ends by itself', () => {
  const device = fresh();
  device.do({ kind: 'nudged', seq: 11, spreadMs: 10_000 });
  device.at += 39_999;
  device.round();
  assert.deepEqual(waits(device.said()), ['poll-in 5000']);
  device.at += 1;
  device.round();
  assert.deepEqual(waits(device.said()), ['poll-in 60000']);
});

test('a nudge without a number is followed, and leaves no haste behind', () => {
  const device = fresh();
  device.do({ kind: 'nudged', seq: 0, spreadMs: 0 });
  assert.deepEqual(waits(device.said()), ['poll-in 0']);
  device.round();
  assert.deepEqual(waits(device.said()), ['poll-in 60000']);
  device.do({ kind: 'nudged', seq: 10, spreadMs: 0 });
  assert.deepEqual(waits(device.said()), [], 'that one is at hand');
});
