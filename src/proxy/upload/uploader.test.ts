// SPDX-License-Identifier: Apache-2.0
// When the thread is started, what it is told, and what status says: with a thread of the test's own. Uploads are tested in
// test/integration.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalBody } from '../../../test/fakes/audit-rows.ts';
import { bench, EPOCH, FakeThread, idle, NEXT_EPOCH } from '../../../test/fakes/uploader-bench.ts';

const backlog = { rows: 0, bytes: 0, oldest: undefined, quarantined: 0, unsentFrom: EPOCH };

test('a start costs nothing; the first look at what earlier runs left comes later', (t) => {
  const b = bench(t);
  assert.equal(b.uploader.status().unsentFrom, '', 'nobody knows yet what may be removed');
  b.clock.advance(14_999);
  assert.equal(b.threads.length, 0);
  b.clock.advance(1);
  assert.equal(b.orders().length, 1);
});

test('a row is sent within the flush time, with what is durable by then', (t) => {
  const b = idle(t);
  b.row();
  b.row();
  b.sync();
  b.clock.advance(14_999);
  assert.equal(b.orders().length, 1);
  b.clock.advance(1);
  const order = b.orders()[1];
  assert.ok(order?.type === 'send');
  assert.deepEqual([order.epoch, order.watermark, order.stopped], [EPOCH, 2, []]);
});

test('a hundred rows do not wait', (t) => {
  const b = idle(t);
  for (let n = 0; n < 99; n++) b.row();
  b.sync();
  assert.equal(b.orders().length, 1);
  b.row();
  assert.equal(b.orders().length, 2);
});

test('a refusal is sent as soon as it is durable', (t) => {
  const b = idle(t);
  b.row();
  b.sync();
  b.row(refusalBody('r'));
  assert.equal(b.orders().length, 1, 'it would not survive a loss of power yet');
  b.sync();
  const order = b.orders()[1];
  assert.ok(order?.type === 'send' && order.watermark === 2);
});

test('a refusal whose epoch has ended meanwhile is sent', (t) => {
  const b = idle(t);
  b.row(refusalBody('r'));
  b.rotate();
  assert.equal(b.orders().length, 2);
});

test('rows of the log itself are sent, too', (t) => {
  const b = idle(t);
  b.rotate();
  b.clock.advance(15_000);
  const order = b.orders()[1];
  assert.ok(order?.type === 'send' && order.epoch === NEXT_EPOCH);
  b.thread.end();
  // Told again, nothing new.
  b.rotate();
  b.clock.advance(600_000);
  assert.equal(b.orders().length, 2, 'and once only');
});

test('one run at a time; what came meanwhile is the next one’s', (t) => {
  const b = idle(t);
  b.row();
  b.sync();
  b.uploader.flushNow();
  for (let n = 0; n < 300; n++) b.row();
  b.sync();
  b.clock.advance(60_000);
  assert.equal(b.orders().length, 2);
  assert.equal(b.uploader.status().rows, 300);
  b.thread.end();
  assert.equal(b.orders().length, 3);
});

test('a thread with nothing to do ends, and another one is started for the next rows', (t) => {
  const b = idle(t);
  const [first] = b.threads;
  b.clock.advance(57_999);
  assert.equal(first?.got.at(-1)?.type, 'send');
  b.clock.advance(1);
  assert.equal(first?.got.at(-1)?.type, 'end');
  first?.emit('exit');
  b.row();
  b.sync();
  b.clock.advance(15_000);
  assert.equal(b.threads.length, 2);
  assert.equal(b.uploader.status().state, 'sending');
});

test('a thread does not wait out a long pause', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  b.thread.end({ kind: 'failed', why: 'rate', retryAfter: '600' });
  b.clock.advance(60_000);
  assert.equal(b.threads[0]?.got.at(-1)?.type, 'end');
  b.clock.advance(539_999);
  assert.equal(b.threads.length, 1);
  b.clock.advance(1);
  assert.equal(b.threads.length, 2);
});

test('a failed run is tried again, later each time, with the batch that it ended with', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  for (const wait of [30_000, 60_000, 120_000]) {
    b.thread.end({ kind: 'failed', why: 'ECONNREFUSED' }, 250);
    assert.deepEqual([b.uploader.status().state, b.uploader.status().lastError], ['waiting', 'ECONNREFUSED']);
    const before = b.orders().length;
    b.clock.advance(wait - 1);
    assert.equal(b.orders().length, before);
    b.clock.advance(1);
    const order = b.orders()[before];
    assert.ok(order?.type === 'send' && order.batchRows === 250);
  }
  b.thread.end();
  assert.deepEqual([b.uploader.status().state, b.uploader.status().lastError], ['idle', undefined]);
});

test('what the server asks for holds, whatever hints or rows come', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  b.thread.end({ kind: 'failed', why: 'http-503', retryAfter: '120' });
  b.uploader.flushNow();
  for (let n = 0; n < 200; n++) b.row(refusalBody('r'));
  b.sync();
  b.clock.advance(119_999);
  assert.equal(b.orders().length, 2);
  b.clock.advance(1);
  assert.equal(b.orders().length, 3);
});

test('a thread that dies is a failure; the next one goes on', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  b.thread.emit('error', new Error('out of memory'));
  b.thread.emit('exit');
  assert.deepEqual([b.uploader.status().state, b.uploader.status().lastError], ['waiting', 'thread-ended']);
  b.clock.advance(30_000);
  assert.equal(b.threads.length, 2);
});

test('a thread that cannot be started is a failure, too', (t) => {
  let fail = true;
  const threads: FakeThread[] = [];
  const b = bench(t, {
    spawn: () => {
      if (fail) throw new Error('no more threads');
      threads.push(new FakeThread());
      return threads.at(-1) as FakeThread;
    },
  });
  b.clock.advance(15_000);
  assert.equal(b.uploader.status().lastError, 'no-thread');
  fail = false;
  b.clock.advance(30_000);
  assert.equal(threads.length, 1);
});

test('the time of the server goes to whoever keeps it, and comes back as a delta', (t) => {
  const b = idle(t, {
    onEvent: (event) => {
      if (event.kind === 'clock') b.retarget({ deltaMs: event.now - 1 });
    },
  });
  b.uploader.flushNow();
  b.thread.say({ type: 'clock', now: 5001 });
  assert.deepEqual(b.thread.got.at(-1), { type: 'delta', ms: 5000 });
});

test('after a refusal of the key nothing is sent until there is another one', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  b.thread.end({ kind: 'refused', why: 'revoked' });
  assert.deepEqual(b.events, [{ kind: 'revoked' }]);
  assert.equal(b.uploader.status().state, 'refused');
  for (let n = 0; n < 200; n++) b.row();
  b.sync();
  b.uploader.flushNow();
  b.clock.advance(3_600_000);
  assert.equal(b.orders().length, 2);
  b.retarget({ keyid: 'k2' });
  b.uploader.flushNow();
  assert.equal(b.orders().length, 3);
  assert.equal(b.uploader.status().rows, 0);
});

test('while there is no target nothing is started', (t) => {
  const b = bench(t);
  b.retarget(undefined);
  for (let n = 0; n < 200; n++) b.row();
  b.clock.advance(60_000);
  assert.equal(b.threads.length, 0);
  assert.equal(b.uploader.status().rows, 200);
  b.retarget({});
  b.row();
  b.clock.advance(15_000);
  assert.equal(b.threads.length, 1);
});

test('an epoch that is stopped is not asked for again, until there is another target', (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  for (const event of [
    { kind: 'fork', epoch: 'a', seq: 1 },
    { kind: 'receipt-mismatch', epoch: 'b', seq: 1, why: 'x' },
    { kind: 'unreadable', epoch: 'c' },
    { kind: 'quarantined', epoch: 'd', seq: 1 },
    { kind: 'lost', epoch: 'e', from: 1, to: 2, reason: 'damage' },
  ] as const) {
    b.thread.say({ type: 'event', event });
  }
  b.thread.end();
  assert.deepEqual(b.uploader.status().stopped, ['a', 'b', 'c']);
  assert.equal(b.events.length, 5);
  b.uploader.flushNow();
  const order = b.orders().at(-1);
  assert.ok(order?.type === 'send');
  assert.deepEqual(order.stopped, ['a', 'b', 'c']);
  b.thread.end();
  b.retarget({ url: 'http://127.0.0.1:2' });
  b.uploader.flushNow();
  const other = b.orders().at(-1);
  assert.ok(other?.type === 'send');
  assert.deepEqual(other.stopped, []);
});

test('status counts what came since the last run on top of what it found', (t) => {
  const b = idle(t);
  const heard: number[] = [];
  b.uploader.onStatus(({ rows }) => heard.push(rows));
  b.uploader.flushNow();
  b.thread.say({
    type: 'progress',
    backlog: { ...backlog, rows: 7, bytes: 7000, oldest: 5, quarantined: 2 },
    acknowledged: 3,
  });
  b.row();
  const status = b.uploader.status();
  assert.deepEqual(
    [status.rows, status.bytes, status.oldest, status.quarantined, status.lastSuccess, status.epoch, status.seq],
    [8, 7540, 5, 2, b.clock.now(), EPOCH, 1],
  );
  assert.equal(status.unsentFrom, EPOCH);
  b.thread.say({ type: 'progress', backlog, acknowledged: 7 });
  assert.deepEqual([b.uploader.status().rows, b.uploader.status().oldest], [1, 1001]);
  assert.deepEqual(heard, [0, 7, 1]);
});

test('close gives a run a moment, then the thread, and never hangs', async (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  let closed = false;
  const closing = b.uploader.close().then(() => {
    closed = true;
  });
  await b.clock.advanceAsync(499);
  assert.equal(b.thread.got.at(-1)?.type, 'send');
  await b.clock.advanceAsync(1);
  assert.equal(b.thread.got.at(-1)?.type, 'end');
  await b.clock.advanceAsync(500);
  await closing;
  assert.ok(closed && b.thread.terminated);
  b.row();
  b.uploader.flushNow();
  b.clock.advance(600_000);
  assert.equal(b.threads.length, 1);
});

test('close waits for a run that ends, and for the thread', async (t) => {
  const b = idle(t);
  b.uploader.flushNow();
  const closing = b.uploader.close();
  b.thread.end();
  await b.clock.advanceAsync(0);
  assert.equal(b.thread.got.at(-1)?.type, 'end');
  b.thread.emit('exit');
  await closing;
  assert.equal(b.thread.terminated, false);
  assert.equal(b.clock.pending, 0);
});
