// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterRotation, type Floors, fromPersisted, judge, NO_FLOORS, raise, toPersisted } from './floors.ts';

const FLOORS: Floors = { root: 3, bundle: 40, seq: new Map([['pilot', 900]]) };

function reread(floors: Floors): Floors | undefined {
  return fromPersisted(JSON.parse(JSON.stringify(toPersisted(floors))));
}

test('what is older than its floor is refused, and said so', () => {
  assert.deepEqual(judge(FLOORS, { root: 2 }), { what: 'root', floor: 3, got: 2 });
  assert.deepEqual(judge(FLOORS, { bundle: 39 }), { what: 'bundle', floor: 40, got: 39 });
  assert.deepEqual(judge(FLOORS, { fresh: { ring: 'pilot', seq: 899 } }), { what: 'seq', floor: 900, got: 899 });
  assert.deepEqual(judge(FLOORS, { root: 3, bundle: 0 }), { what: 'bundle', floor: 40, got: 0 });
  assert.deepEqual(judge(FLOORS, { bundle: Number.NaN }), { what: 'bundle', floor: 40, got: Number.NaN });
});

test('the same again is good, and so is what is newer or of another ring', () => {
  for (const versions of [
    {},
    { root: 3, bundle: 40, fresh: { ring: 'pilot', seq: 900 } },
    { root: 4, bundle: 41, fresh: { ring: 'pilot', seq: 901 } },
    { fresh: { ring: 'all', seq: 0 } },
  ]) {
    assert.equal(judge(FLOORS, versions), undefined);
  }
  assert.equal(judge(NO_FLOORS, { root: 0, bundle: 0, fresh: { ring: 'all', seq: 0 } }), undefined);
});

test('raising lifts what was accepted, leaves the rest and never lowers', () => {
  const raised = raise(FLOORS, { bundle: 41, fresh: { ring: 'pilot', seq: 901 } });
  assert.deepEqual(raised, { root: 3, bundle: 41, seq: new Map([['pilot', 901]]) });
  assert.deepEqual(raise(FLOORS, {}), FLOORS);
  const lower = { root: 1, bundle: 1, fresh: { ring: 'pilot', seq: 1 } };
  assert.deepEqual(raise(FLOORS, lower), FLOORS);
  assert.deepEqual(FLOORS.seq, new Map([['pilot', 900]]), 'a floor is a value');
});

test('a floor that could not be read again is not made', () => {
  for (const bundle of [Number.NaN, -1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
    assert.throws(() => raise(NO_FLOORS, { bundle }), RangeError, String(bundle));
  }
  for (const ring of ['', 'x'.repeat(257)]) {
    assert.throws(() => raise(NO_FLOORS, { fresh: { ring, seq: 1 } }), RangeError);
  }
});

test('of 17 rings the one that was raised longest ago is forgotten', () => {
  let floors = FLOORS;
  for (let ring = 0; ring < 15; ring++) floors = raise(floors, { fresh: { ring: `r${ring}`, seq: 5 } });
  assert.equal(floors.seq.size, 16);
  floors = raise(floors, { fresh: { ring: 'pilot', seq: 900 } });
  assert.equal(floors.seq.size, 16);
  floors = raise(floors, { fresh: { ring: 'seventeenth', seq: 5 } });
  assert.deepEqual([floors.seq.size, floors.seq.has('r0'), floors.seq.get('pilot')], [16, false, 900]);
  assert.deepEqual([...(reread(floors)?.seq ?? [])], [...floors.seq], 'the order is kept');
});

test('a rotated key clears the floor of its role only, so that a version run ahead by a thief is repaired', () => {
  const far = raise(FLOORS, {
    bundle: Number.MAX_SAFE_INTEGER,
    fresh: { ring: 'pilot', seq: Number.MAX_SAFE_INTEGER },
  });
  const next = { root: 4, bundle: 41, fresh: { ring: 'pilot', seq: 901 } };
  assert.equal(judge(far, next)?.what, 'bundle');
  const policy = afterRotation(far, 'policy');
  assert.deepEqual(policy, { ...far, bundle: 0 });
  assert.equal(judge(policy, next)?.what, 'seq', 'the freshness key was not rotated');
  const freshness = afterRotation(far, 'freshness');
  assert.deepEqual(freshness, { ...far, seq: new Map() });
  assert.equal(judge(freshness, next)?.what, 'bundle', 'the policy key was not rotated');
  assert.equal(judge(afterRotation(policy, 'freshness'), next), undefined);
});

test('floors come back from the disk as they were, whatever the rings are called', () => {
  assert.deepEqual(reread(FLOORS), FLOORS);
  assert.deepEqual(reread(NO_FLOORS), NO_FLOORS);
  let floors = FLOORS;
  for (const ring of ['__proto__', 'constructor', 'toString', 'x'.repeat(256)]) {
    assert.equal(judge(floors, { fresh: { ring, seq: 0 } }), undefined, ring);
    floors = raise(floors, { fresh: { ring, seq: 5 } });
    assert.equal(judge(floors, { fresh: { ring, seq: 4 } })?.floor, 5, ring);
  }
  assert.deepEqual(reread(floors), floors);
});

test('damaged floors are refused whole', () => {
  const good = toPersisted(FLOORS);
  const pair = (...members: unknown[]) => ({ ...good, seq: [members] });
  const bad: unknown[] = [
    undefined,
    null,
    1,
    '{}',
    [],
    {},
    { ...good, v: 2 },
    { ...good, more: 1 },
    { ...good, root: undefined },
    { ...good, root: '3' },
    { ...good, root: -1 },
    { ...good, bundle: 1.5 },
    { ...good, bundle: 2 ** 53 },
    { ...good, bundle: null },
    { ...good, bundle: Number.NaN },
    { ...good, bundle: true },
    { ...good, seq: null },
    { ...good, seq: { pilot: 900 } },
    { ...good, seq: ['pilot', 900] },
    pair('pilot'),
    pair('pilot', 1, 2),
    pair('', 1),
    pair('x'.repeat(257), 1),
    pair(1, 1),
    pair('pilot', -1),
    pair('pilot', '1'),
    { ...good, seq: [...good.seq, ...good.seq] },
    { ...good, seq: Array.from({ length: 17 }, (_, at) => [`r${at}`, 1]) },
    JSON.parse(`{"__proto__": ${JSON.stringify(good)}}`),
    JSON.parse(JSON.stringify(good).replace('"root"', '"__proto__"')),
  ];
  for (const value of bad) assert.equal(fromPersisted(value), undefined, JSON.stringify(value));
});
