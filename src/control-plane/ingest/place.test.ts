// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditBatch } from '../../contract/sync/messages.ts';
import { NO_HEAD, overlapOf, placeOf } from './place.ts';

const hash = (seq: number) => (seq === 0 ? NO_HEAD.hash : seq.toString(16).padStart(64, 'a'));

/** Rows `from` to `to` of a history in which each row’s hash is `hash(seq)`. */
function batch(from: number, to: number, more: Partial<AuditBatch> = {}): AuditBatch {
  const rows = Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    at: 1,
    hash: hash(from + index),
    body: '{}',
  }));
  return { v: 1, epoch: '0'.repeat(16), after: { seq: from - 1, hash: hash(from - 1) }, rows, ...more };
}

const head = (seq: number) => ({ seq, hash: hash(seq) });
const stored = (from: number, to: number) =>
  new Map(Array.from({ length: to - from + 1 }, (_, index) => [from + index, hash(from + index)]));

test('what is new begins behind the head', () => {
  const fits = (from: number) => ({ kind: 'fits', from, lost: undefined });
  assert.deepEqual(placeOf(batch(1, 5), NO_HEAD, new Map()), fits(0));
  assert.deepEqual(placeOf(batch(6, 9), head(5), new Map()), fits(0));
  assert.deepEqual(placeOf(batch(3, 9), head(5), stored(2, 4)), fits(3));
  assert.deepEqual(placeOf(batch(3, 5), head(5), stored(2, 4)), fits(3), 'nothing');
  assert.deepEqual(placeOf(batch(3, 4), head(9), stored(2, 4)), fits(2), 'nothing');
});

test('only what overlaps is compared, and what is not stored any more is not', () => {
  assert.equal(overlapOf(batch(6, 9), head(5)), undefined);
  assert.equal(overlapOf(batch(1, 9), NO_HEAD), undefined);
  assert.deepEqual(overlapOf(batch(3, 9), head(5)), { from: 2, to: 4 });
  assert.deepEqual(overlapOf(batch(1, 3), head(9)), { from: 1, to: 3 });
  assert.equal(placeOf(batch(3, 9), head(5), new Map()).kind, 'fits');
});

test('another row under a number that is stored is a fork: in the batch, at the head, or before the batch', () => {
  const other = (seq: number) => new Map([...stored(1, 9), [seq, 'f'.repeat(64)]]);
  assert.deepEqual(placeOf(batch(3, 9), head(5), other(4)), { kind: 'fork', seq: 4 });
  assert.deepEqual(placeOf(batch(3, 9), head(5), other(2)), { kind: 'fork', seq: 2 });
  assert.deepEqual(placeOf(batch(3, 9), { seq: 5, hash: 'f'.repeat(64) }, stored(2, 4)), { kind: 'fork', seq: 5 });
  assert.deepEqual(placeOf(batch(6, 9), { seq: 5, hash: 'f'.repeat(64) }, new Map()), { kind: 'fork', seq: 5 });
});

test('a hole is passed over only where it is told exactly', () => {
  const told = (from: number, to: number) =>
    placeOf(batch(9, 9, { lost: { from, to, reason: 'cap' } }), head(5), new Map());
  assert.equal(placeOf(batch(9, 9), head(5), new Map()).kind, 'behind');
  assert.equal(told(6, 8).kind, 'fits');
  for (const [from, to] of [
    [5, 8],
    [7, 8],
    [6, 7],
    [6, 9],
  ] as const)
    assert.equal(told(from, to).kind, 'behind');
  // Where there is no hole (any more) it means nothing.
  assert.deepEqual(placeOf(batch(6, 9, { lost: { from: 1, to: 5, reason: 'cap' } }), head(5), new Map()), {
    kind: 'fits',
    from: 0,
    lost: undefined,
  });
});
