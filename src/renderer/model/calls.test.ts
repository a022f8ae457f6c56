// SPDX-License-Identifier: Apache-2.0
// The list of calls: live, searched, followed back page by page, held still; late and missing answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fakeCall } from '../../../test/fakes/fake-agent.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import type { CallsPage, CallsQuery } from '../../contract/local-history.ts';
import { createCallsList, LONGEST_LIST } from './calls.ts';

const NOTHING: CallsPage = { calls: [] };

/** A log whose answers the test gives itself, one after the other. */
function stage(first: readonly ActivityItem[] = []) {
  const clock = new FakeClock();
  const live = signal<readonly ActivityItem[]>(first);
  const asked: CallsQuery[] = [];
  const open: { readonly answer: (page: CallsPage) => void; readonly fail: () => void }[] = [];
  const client = {
    calls(query: CallsQuery) {
      asked.push(query);
      return new Promise<CallsPage>((answer, reject) => {
        open.push({ answer, fail: () => reject(new Error('away')) });
      });
    },
  };
  const list = createCallsList(client, clock, live);
  const next = () => open.shift() ?? assert.fail('nothing was asked');
  const ids = () => list.shown.value.map(({ id }) => id);
  return { clock, live, asked, open, list, next, ids };
}

test('live calls are there at once, those of the log behind them as soon as they come', async () => {
  const { list, next, ids } = stage([fakeCall(9)]);
  const asking = list.ask();
  assert.deepEqual(ids(), ['req-9']);
  assert.equal(list.search.value.phase, 'searching');
  next().answer({ calls: [fakeCall(9), fakeCall(8)], next: '8' });
  await asking;
  assert.deepEqual(ids(), ['req-9', 'req-8']);
  assert.deepEqual(list.search.value, { phase: 'done', next: '8' });
});

test('one looks further back until there is no older call', async () => {
  const { list, next, ids, asked } = stage([fakeCall(9)]);
  const asking = list.ask();
  next().answer({ calls: [fakeCall(9)], next: '9' });
  await asking;
  const first = list.older();
  assert.equal(list.search.value.phase, 'older');
  assert.equal(await list.older(), undefined, 'once is enough');
  next().answer({ calls: [fakeCall(8), fakeCall(7)], next: '7' });
  assert.equal(await first, 2);
  const last = list.older();
  next().answer({ calls: [fakeCall(6)] });
  assert.equal(await last, 1);
  assert.deepEqual(ids(), ['req-9', 'req-8', 'req-7', 'req-6']);
  assert.deepEqual(list.search.value, { phase: 'done' });
  assert.equal(await list.older(), undefined);
  assert.deepEqual(asked, [{}, { before: '9' }, { before: '7' }]);
});

test('empty pages are passed over, but not for ever', async () => {
  const { list, next, asked, open } = stage();
  const asking = list.ask();
  next().answer({ calls: [], next: '1' });
  await Promise.resolve();
  await Promise.resolve();
  next().answer({ calls: [fakeCall(1)], next: '2' });
  await asking;
  assert.equal(asked.length, 2);
  const older = list.older();
  for (let page = 0; page < 10; page++) {
    next().answer({ calls: [], next: String(page + 3) });
    await new Promise(setImmediate);
  }
  assert.equal(open.length, 0, 'that was the last one');
  assert.equal(await older, 0);
  assert.deepEqual(list.search.value, { phase: 'done', next: '12' });
});

test('what is typed narrows at once what is known, and the log is asked when the typing has ended', async () => {
  const { list, next, ids, asked, clock } = stage([fakeCall(9), fakeCall(8, { app: 'Notebook' })]);
  list.narrow({ text: 'n' });
  list.narrow({ text: 'no' });
  clock.advance(299);
  list.narrow({ text: 'note' });
  assert.deepEqual(ids(), ['req-8']);
  clock.advance(299);
  assert.deepEqual(asked, []);
  clock.advance(1);
  assert.deepEqual(asked, [{ text: 'note' }]);
  next().answer({ calls: [fakeCall(8, { app: 'Notebook' }), fakeCall(2, { app: 'Notebook' })] });
  await new Promise(setImmediate);
  assert.deepEqual(ids(), ['req-8', 'req-2']);
  list.narrow({ decision: 'blocked' });
  assert.deepEqual(ids(), [], 'what the log had answered is narrowed too');
  clock.advance(0);
  assert.deepEqual(asked.at(-1), { text: 'note', decision: 'blocked' });
});

test('an answer to an earlier question is dropped', async () => {
  const { list, next, ids, clock } = stage();
  const asking = list.ask();
  list.narrow({ text: 'b' });
  clock.advance(300);
  const [late, right] = [next(), next()];
  right.answer({ calls: [fakeCall(2, { app: 'b' })] });
  late.answer({ calls: [fakeCall(1, { app: 'a' })], next: '1' });
  await asking;
  await new Promise(setImmediate);
  assert.deepEqual(ids(), ['req-2']);
  assert.deepEqual(list.search.value, { phase: 'done' });
});

test('a question without an answer leaves what is known, and can be asked again', async () => {
  const { list, next, ids } = stage([fakeCall(9)]);
  const asking = list.ask();
  next().answer({ calls: [fakeCall(8)], next: '8' });
  await asking;
  const older = list.older();
  next().fail();
  assert.equal(await older, undefined);
  assert.deepEqual(list.search.value, { phase: 'failed', next: '8' });
  assert.deepEqual(ids(), ['req-9', 'req-8']);
  const again = list.older();
  next().answer(NOTHING);
  assert.equal(await again, 0);
  assert.deepEqual(list.search.value, { phase: 'done' });
});

test('while it is paused nothing moves, and the newer calls are counted', () => {
  const { list, live, ids } = stage([fakeCall(1)]);
  list.pause(true);
  live.value = [fakeCall(3), fakeCall(2), fakeCall(1)];
  assert.deepEqual(ids(), ['req-1']);
  assert.equal(list.waiting.value, 2);
  list.pause(false);
  assert.deepEqual(ids(), ['req-3', 'req-2', 'req-1']);
  assert.equal(list.waiting.value, 0);
});

test('a call that leaves the live list stays between it and what the log had', async () => {
  const { list, live, next, ids } = stage([fakeCall(2)]);
  const stop = list.start();
  const asking = list.ask();
  next().answer({ calls: [fakeCall(2), fakeCall(1)] });
  await asking;
  live.value = [fakeCall(3), fakeCall(2)];
  live.value = [fakeCall(4)];
  assert.deepEqual(ids(), ['req-4', 'req-3', 'req-2', 'req-1']);
  stop();
  live.value = [fakeCall(5)];
  live.value = [];
  assert.deepEqual(ids(), ['req-4', 'req-3', 'req-2', 'req-1'], 'nobody follows any more');
});

test('the list has an end', async () => {
  const { list, next, ids } = stage();
  const asking = list.ask();
  next().answer({ calls: Array.from({ length: LONGEST_LIST + 5 }, (_, index) => fakeCall(-index)) });
  await asking;
  assert.equal(ids().length, LONGEST_LIST);
});
