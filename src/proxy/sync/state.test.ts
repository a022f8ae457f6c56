// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FLOORS, raise } from './floors.ts';
import { type Kept, readState, type StateOrigin, writeState } from './state.ts';
import { startTime, trustedNow, withServerNow } from './trusted-time.ts';

const T0 = Date.UTC(2030, 0, 1);
const BUILD = Date.UTC(2026, 0, 1);
const READING = { monotonic: 100, wall: T0 };
const OWNER = { org: 'acme', device: 'd-1', agent: '1.2.3' };
const ORIGIN: StateOrigin = { ...OWNER, ring: 'r100', reading: READING, earliest: BUILD };

const KEPT: Kept = {
  ring: 'r1',
  time: withServerNow(startTime(READING, BUILD), T0 + 60_000, READING, BUILD) ?? startTime(READING, BUILD),
  floors: raise(NO_FLOORS, { root: 2, bundle: 9, fresh: { ring: 'r1', seq: 40 } }),
  refusedBundle: {
    version: 10,
    sha256: 'b'.repeat(64),
    secrets: 3,
    at: T0,
    faults: [{ message: 'no', line: 1, column: 2, at: 'models' }],
  },
  revoked: { since: T0, action: 'pass' },
  reenroll: true,
  override: { id: '1-15', since: T0, until: T0 + 900_000 },
  usedCodes: ['1-15'],
  codeTries: [T0],
};

const written = (): Record<string, unknown> => JSON.parse(writeState(KEPT, OWNER, READING));

test('what is kept comes back', () => {
  const { kept, damaged } = readState(written(), ORIGIN);
  assert.equal(damaged, false);
  assert.deepEqual({ ...kept, time: undefined }, { ...KEPT, time: undefined });
  assert.equal(kept.time.requestDelta, 60_000);
  assert.equal(trustedNow(kept.time, READING), T0);
});

test('without a file a device starts with what it was enrolled as', () => {
  const { kept, damaged } = readState(undefined, ORIGIN);
  assert.equal(damaged, false);
  assert.deepEqual([kept.ring, kept.floors, kept.revoked, kept.override], ['r100', NO_FLOORS, undefined, undefined]);
  assert.equal(trustedNow(kept.time, { ...READING, wall: 0 }), T0);
});

test('another version of the program may understand what this one refused', () => {
  assert.equal(readState(written(), { ...ORIGIN, agent: '1.3.0' }).kept.refusedBundle, undefined);
});

test('another device of the organisation keeps its versions and its time only', () => {
  const { kept } = readState(written(), { ...ORIGIN, device: 'd-2' });
  assert.deepEqual([kept.floors, kept.ring], [KEPT.floors, 'r100']);
  assert.deepEqual([kept.revoked, kept.reenroll, kept.override, kept.usedCodes], [undefined, false, undefined, []]);
});

test('another organisation keeps nothing', () => {
  assert.deepEqual(readState(written(), { ...ORIGIN, org: 'other' }).kept.floors, NO_FLOORS);
});

test('a damaged file is as good as none, and said so', () => {
  const good = written();
  const bad: unknown[] = [
    null,
    [],
    'x',
    {},
    { ...good, v: 2 },
    { ...good, more: 1 },
    { ...good, ring: 'R 1' },
    { ...good, ring: '../x' },
    { ...good, floors: {} },
    { ...good, refused: {} },
    { ...good, refused: { ...(good['refused'] as object), sha256: 'x' } },
    { ...good, refused: { ...(good['refused'] as object), faults: [{}] } },
    { ...good, revoked: { since: 1, action: 'sleep' } },
    { ...good, reenroll: 'no' },
    { ...good, override: { id: 'x', since: 0, until: 'later' } },
    { ...good, usedCodes: [1] },
    { ...good, usedCodes: Array.from({ length: 257 }, () => 'x') },
    { ...good, codeTries: ['x'] },
    JSON.parse(`{"__proto__": ${JSON.stringify(good)}}`),
  ];
  for (const value of bad) {
    const { kept, damaged } = readState(value, ORIGIN);
    assert.equal(damaged, true, JSON.stringify(value));
    assert.deepEqual([kept.floors, kept.ring], [NO_FLOORS, 'r100']);
  }
});

test('a time that is damaged does not take the rest with it', () => {
  const { kept, damaged } = readState({ ...written(), time: { v: 9 } }, ORIGIN);
  assert.equal(damaged, true);
  assert.deepEqual(kept.floors, KEPT.floors);
  assert.deepEqual(kept.revoked, KEPT.revoked);
});
