// SPDX-License-Identifier: Apache-2.0
// When the thread is started and ended, which questions it gets in which order, and what becomes of them when it fails. With a thread that
// the test plays.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { Unavailable } from '../../contract/unavailable.ts';
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
  /** What it was asked, in order. */
  get asked(): readonly string[] {
    return this.sent.flatMap((message) => {
      if (message.type !== 'ask') return [];
      const { question } = message;
      return question.kind === 'calls' ? [`calls ${question.query.text ?? ''}`] : [question.kind];
    });
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
  const [usage, call] = [history.usage(), history.call('r1')];
  assert.equal(threads.length, 1);
  assert.deepEqual(nth(0).asked, ['usage', 'call']);
  nth(0).says({ type: 'answer', number: 2, answer: undefined });
  nth(0).says({ type: 'failed', number: 1, error: 'locked' });
  await assert.rejects(usage, /locked/);
  assert.equal(await call, undefined);
});

test('it has one question for rows at a time, in order, and one for the usage beside them', async () => {
  const { nth, history } = start();
  const asked = [history.calls({ text: 'a' }), history.call('r1'), history.calls({ text: 'b' })];
  const usages = [history.usage(), history.usage(), history.usage()];
  assert.deepEqual(nth(0).asked, ['calls a', 'usage']);
  nth(0).says(page(1));
  assert.deepEqual(nth(0).asked, ['calls a', 'usage', 'call']);
  nth(0).says(page(3));
  assert.deepEqual(nth(0).asked, ['calls a', 'usage', 'call', 'calls b']);
  nth(0).says(page(4));
  await Promise.all(asked);
  // Those that came while the first one was counted have the next one in common.
  nth(0).says(page(2));
  assert.deepEqual(nth(0).asked.slice(4), ['usage']);
  nth(0).says(page(5));
  await Promise.all(usages);
  assert.equal(nth(0).asked.length, 5);
});

test('equal questions that wait are asked once; one that is being answered is asked again, for what came since', async () => {
  const { nth, history } = start();
  const asked = ['a', 'b', 'a', 'b', 'a', 'b'].map((text) => history.calls({ text }));
  for (let number = 1; number <= 3; number++) nth(0).says(page(number));
  await Promise.all(asked);
  assert.deepEqual(nth(0).asked, ['calls a', 'calls b', 'calls a']);
});

test('a question whose askers have gone is not asked; while one of them waits, it is', async () => {
  const { nth, history } = start();
  const gone = new AbortController();
  const first = history.calls({ text: 'first' }, gone.signal);
  const dropped = Array.from({ length: 50 }, () => history.calls({ text: 'dropped' }, gone.signal));
  const kept = [history.calls({ text: 'kept' }, gone.signal), history.calls({ text: 'kept' })] as const;
  gone.abort(new Error('gone'));
  for (const question of [first, ...dropped, kept[0]]) await assert.rejects(question, /gone/);
  await assert.rejects(history.calls({ text: 'late' }, gone.signal), /gone/);
  assert.deepEqual(nth(0).asked, ['calls first']);
  nth(0).says(page(1));
  nth(0).says(page(2));
  assert.deepEqual(await kept[1], { calls: [] });
  assert.deepEqual(nth(0).asked, ['calls first', 'calls kept']);
});

test('more questions than may wait are refused, but for equal ones and the usage', async () => {
  const { nth, history } = start();
  const gone = new AbortController();
  const texts = Array.from({ length: 17 }, (_, n) => `t${n}`);
  const asked = texts.map((text, n) => history.calls({ text }, n === 5 ? gone.signal : undefined));
  await assert.rejects(history.call('r1'), (error) => error instanceof Unavailable && error.why === 'busy');
  const more: Promise<unknown>[] = [history.calls({ text: 't9' }), history.usage()];
  gone.abort(new Error('gone'));
  await assert.rejects(asked[5] ?? Promise.resolve(), /gone/);
  more.push(history.call('r2'));
  for (let number = 1; number <= 18; number++) nth(0).says(page(number));
  await Promise.all([...more, ...asked.toSpliced(5, 1)]);
  assert.deepEqual(nth(0).asked.length, 18);
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
  const [first, second] = [history.calls({}), history.usage()];
  nth(0).says(page(1));
  await first;
  clock.advance(10_000);
  assert.equal(nth(0).sent.length, 2);
  nth(0).says(page(2));
  assert.deepEqual(await second, { calls: [] });
});

test('a thread that fails fails its questions; those that wait, and the next one, get another', async () => {
  const { threads, nth, history } = start();
  const question = history.usage();
  const waits = [history.calls({ text: 'a' }), history.calls({ text: 'b' })] as const;
  nth(0).emit('error', new Error('out of memory'));
  nth(0).emit('exit');
  for (const failed of [question, waits[0]]) {
    await assert.rejects(failed, (error) => error instanceof Unavailable && /out of memory/.test(error.message));
  }
  nth(1).says(page(3));
  await waits[1];
  const failed = history.usage();
  nth(1).says({ type: 'failed', number: 4, error: 'locked' });
  await assert.rejects(failed, /locked/);
  assert.equal(threads.length, 2);
});

test('closing ends the thread and what it was asked', async () => {
  const { nth, history, threads } = start();
  const [question, waits] = [history.calls({ text: 'a' }), history.calls({ text: 'b' })];
  const closed = [assert.rejects(question, /ended/), assert.rejects(waits, /closed/)];
  await history.close();
  await Promise.all(closed);
  await assert.rejects(history.usage(), /closed/);
  assert.equal(threads.length, 1);
  assert.equal(nth(0).sent.length, 1);
});
