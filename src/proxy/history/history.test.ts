// SPDX-License-Identifier: Apache-2.0
// When the thread is started and ended, and what becomes of questions when it fails. With a thread that the test plays.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { createHistory } from './history.ts';
import type { FromHistory, ToHistory } from './history-protocol.ts';
import type { HistoryThread } from './history-thread.ts';

class PlayedThread extends EventEmitter implements HistoryThread {
  readonly sent: ToHistory[] = [];
  postMessage(message: ToHistory): void {
    this.sent.push(message);
  }
  async terminate(): Promise<void> {
    this.emit('exit');
  }
  says(message: FromHistory): void {
    this.emit('message', message);
  }
}

function start() {
  const clock = new FakeClock();
  const threads: PlayedThread[] = [];
  const history = createHistory({
    dir: '/nowhere',
    clock,
    prices: () => ({ types: [], overrides: [] }),
    lingerMs: 1_000,
    startThread: () => {
      const thread = new PlayedThread();
      threads.push(thread);
      return thread;
    },
  });
  const nth = (index: number): PlayedThread => {
    const thread = threads[index];
    assert.ok(thread !== undefined);
    return thread;
  };
  return { clock, threads, nth, history };
}

const page = (number: number): FromHistory => ({ type: 'answer', number, answer: { calls: [] } });

test('no thread until somebody asks; answers find their questions', async () => {
  const { threads, nth, history } = start();
  assert.equal(threads.length, 0);
  const [calls, call] = [history.calls({}), history.call('r1')];
  assert.equal(threads.length, 1);
  assert.deepEqual(
    nth(0).sent.map((message) => message.type === 'ask' && message.question.kind),
    ['calls', 'call'],
  );
  nth(0).says({ type: 'answer', number: 2, answer: undefined });
  nth(0).says(page(1));
  assert.deepEqual(await calls, { calls: [] });
  assert.equal(await call, undefined);
});

test('it ends when nobody has asked for a while, and the next question gets another', async () => {
  const { clock, threads, nth, history } = start();
  const first = history.calls({});
  clock.advance(10_000);
  assert.equal(nth(0).sent.length, 1, 'not while somebody waits');
  nth(0).says(page(1));
  await first;
  clock.advance(999);
  const second = history.calls({});
  clock.advance(10_000);
  nth(0).says(page(2));
  await second;
  clock.advance(1_000);
  assert.equal(nth(0).sent.at(-1)?.type, 'end');
  const third = history.calls({});
  assert.equal(threads.length, 2);
  // The first one ends only now.
  nth(0).emit('exit');
  nth(1).says(page(3));
  assert.deepEqual(await third, { calls: [] });
});

test('it does not end while one of two questions waits', async () => {
  const { clock, nth, history } = start();
  const [first, second] = [history.calls({}), history.calls({})];
  nth(0).says(page(1));
  await first;
  clock.advance(10_000);
  assert.equal(nth(0).sent.length, 2);
  nth(0).says(page(2));
  assert.deepEqual(await second, { calls: [] });
});

test('a thread that fails fails its questions; the next one gets another', async () => {
  const { threads, nth, history } = start();
  const question = history.usage();
  nth(0).emit('error', new Error('out of memory'));
  nth(0).emit('exit');
  await assert.rejects(question, /out of memory/);
  const failed = history.usage();
  nth(1).says({ type: 'failed', number: 2, error: 'locked' });
  await assert.rejects(failed, /locked/);
  assert.equal(threads.length, 2);
});

test('closing ends the thread and what it was asked', async () => {
  const { nth, history, threads } = start();
  const question = history.usage();
  const closed = assert.rejects(question, /ended/);
  await history.close();
  await closed;
  await assert.rejects(history.usage(), /closed/);
  assert.equal(threads.length, 1);
  assert.equal(nth(0).sent.length, 1);
});
