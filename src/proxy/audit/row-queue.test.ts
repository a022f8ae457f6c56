// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowQueue, type Waiting } from './row-queue.ts';

const row = { kind: 'event', event: 'started' } as const;

function waiting(deadline: number): Waiting {
  return { level: 'standard', deadline, resolve: () => undefined };
}

function filled(rows: number, chars = 10): RowQueue {
  const queue = new RowQueue();
  for (let n = 0; n < rows; n++) queue.push({ row, at: n, body: 'x'.repeat(chars) }, undefined);
  return queue;
}

test('rows get rising tickets and are settled in order', () => {
  const queue = filled(5);
  assert.deepEqual(
    queue.takeForPosting().map(({ ticket }) => ticket),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(queue.takeForPosting(), []);
  assert.deepEqual(
    queue.settleThrough(3).map(({ ticket }) => ticket),
    [1, 2, 3],
  );
  assert.equal(queue.size, 2);
});

test('at most 2,000 rows are with the writer; the rest follows as they are settled', () => {
  const queue = filled(2500);
  assert.equal(queue.takeForPosting().length, 2000);
  assert.equal(queue.roomy, false);
  queue.settleThrough(100);
  assert.equal(queue.takeForPosting().length, 100);
  queue.settleThrough(2100);
  assert.equal(queue.takeForPosting().length, 400);
});

test('at most 8 MB are with the writer', () => {
  const queue = filled(20, 1024 * 1024);
  assert.equal(queue.takeForPosting().length, 8);
  queue.settleThrough(8);
  assert.equal(queue.takeForPosting().length, 8);
});

test('a queue has an end, by rows and by size', () => {
  const queue = filled(8000);
  assert.equal(queue.push({ row, at: 0, body: '' }, undefined), false);
  const large = filled(32, 1024 * 1024);
  assert.equal(large.push({ row, at: 0, body: 'x' }, undefined), false);
  large.settleThrough(1);
  assert.equal(large.push({ row, at: 0, body: 'x' }, undefined), true);
});

test('a passed deadline frees who waits, once; the row stays until it is settled', () => {
  const queue = new RowQueue();
  queue.push({ row, at: 0, body: 'a', opens: 'r1' }, waiting(100));
  queue.push({ row, at: 0, body: 'b', opens: 'r2' }, waiting(200));
  assert.equal(queue.nextDeadline, 100);
  assert.deepEqual(
    queue.expire(150).map(({ opens }) => opens),
    ['r1'],
  );
  assert.deepEqual(queue.expire(150), []);
  assert.equal(queue.nextDeadline, 200);
  assert.equal(queue.late, 1);
  const [first, second] = queue.settleThrough(2);
  assert.equal(first?.waiting, undefined);
  assert.equal(second?.waiting?.deadline, 200);
  assert.equal(queue.late, 0);
});

test('a new writer gets every unsettled row again, with the same tickets', () => {
  const queue = filled(5);
  queue.takeForPosting();
  queue.settleThrough(2);
  queue.push({ row, at: 9, body: 'new' }, undefined);
  queue.postAgain();
  assert.deepEqual(
    queue.takeForPosting().map(({ ticket }) => ticket),
    [3, 4, 5, 6],
  );
});
