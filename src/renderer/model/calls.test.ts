// SPDX-License-Identifier: Apache-2.0
// The list of calls: live, searched, followed back page by page, held still; late and missing answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fakeCall } from '../../../test/fakes/fake-agent.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import { ACTIVITY_LIMIT } from '../../contract/local-api-constants.ts';
import type { CallsPage, CallsQuery } from '../../contract/local-history.ts';
import { createCallsList, LONGEST_LIST, SHORT_LIST } from './calls.ts';

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
  const ends = new Map<string, ActivityItem>();
  const call = async (id: string) => {
    const found = ends.get(id);
    return found && { call: found, decision: { reason: '' }, attempts: [], rows: [] };
  };
  const list = createCallsList({ ...client, call }, clock, live);
  const next = () => open.shift() ?? assert.fail('nothing was asked');
  const ids = () => list.shown.value.map(({ id }) => id);
  return { clock, live, asked, open, list, next, ids, ends };
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
  assert.deepEqual(list.waiting.value, { count: 2, more: false });
  list.pause(false);
  assert.deepEqual(ids(), ['req-3', 'req-2', 'req-1']);
  assert.equal(list.waiting.value.count, 0);
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

test('the list is short until one goes back, and has an end then too', async () => {
  const { list, next, ids } = stage();
  const asking = list.ask();
  next().answer({ calls: Array.from({ length: LONGEST_LIST + 5 }, (_, index) => fakeCall(-index)) });
  await asking;
  assert.equal(ids().length, SHORT_LIST);
  assert.equal(list.hasOlder.value, true);
  assert.equal(await list.older(), LONGEST_LIST - SHORT_LIST, 'they are here already');
  assert.equal(ids().length, LONGEST_LIST);
});

test('calls that match after an empty answer stay when they leave the live list', async () => {
  const { list, live, next, ids } = stage();
  const stop = list.start();
  const asking = list.ask();
  next().answer(NOTHING);
  await asking;
  live.value = [fakeCall(1)];
  live.value = [fakeCall(2)];
  assert.deepEqual(ids(), ['req-2', 'req-1']);
  stop();
});

test('live calls at the moment of the answer stay, though the answer is without them', async () => {
  const { list, live, next, ids } = stage([fakeCall(5)]);
  const stop = list.start();
  const asking = list.ask();
  next().answer({ calls: [fakeCall(1)] });
  await asking;
  live.value = [fakeCall(6)];
  assert.deepEqual(ids(), ['req-6', 'req-5', 'req-1']);
  stop();
});

/** The newest live calls, as many as a state has. */
const full = (last: number) => Array.from({ length: ACTIVITY_LIMIT }, (_, index) => fakeCall(last - index));

test('all that comes during a pause is there after it, and is counted', async () => {
  const { list, live, next, ids } = stage([fakeCall(0)]);
  const stop = list.start();
  const asking = list.ask();
  next().answer({ calls: [fakeCall(0)] });
  await asking;
  list.pause(true);
  for (let last = 100; last <= 500; last += 100) live.value = full(last).filter(({ at }) => at >= fakeCall(0).at);
  assert.deepEqual(list.waiting.value, { count: 500, more: false });
  list.pause(false);
  await list.older();
  assert.equal(ids().length, 501);
  stop();
});

test('calls that no state has told of are asked for, and the hole is filled', async () => {
  const { list, live, next, open, asked, ids, clock } = stage(full(200));
  const stop = list.start();
  const asking = list.ask();
  next().answer({ calls: full(200).slice(0, 100), next: 'a' });
  await asking;
  live.value = full(600);
  clock.advance(1_000);
  next().answer({ calls: full(600).slice(0, 150), next: 'b' });
  await new Promise(setImmediate);
  next().answer({ calls: full(450), next: 'c' });
  await new Promise(setImmediate);
  next().answer({ calls: full(250).slice(0, 60), next: 'd' });
  await new Promise(setImmediate);
  assert.equal(open.length, 0);
  assert.deepEqual(asked.at(-1), { before: 'c' });
  assert.deepEqual(list.search.value, { phase: 'done', next: 'a' }, 'one goes on where one was');
  await list.older();
  assert.deepEqual(
    ids(),
    full(600)
      .concat(full(400), full(200))
      .map(({ id }) => id),
  );
  stop();
});

test('calls that were missed during a pause are asked for when it ends', async () => {
  const { list, live, next, ids, clock } = stage(full(200));
  const stop = list.start();
  const asking = list.ask();
  next().answer({ calls: full(200) });
  await asking;
  list.pause(true);
  live.value = full(500);
  clock.advance(1_000);
  assert.equal(list.waiting.value.more, true);
  list.pause(false);
  next().answer({ calls: [...full(500), ...full(300)] });
  await new Promise(setImmediate);
  assert.equal(list.waiting.value.more, false);
  await list.older();
  assert.equal(ids().length, 500);
  stop();
});

test('a call that left the live list under way is looked up until it has ended', async () => {
  const { list, live, next, ends, clock } = stage([fakeCall(1, { result: 'running' })]);
  const stop = list.start();
  const asking = list.ask();
  next().answer(NOTHING);
  await asking;
  live.value = [fakeCall(2)];
  const result = () => list.shown.value.find(({ id }) => id === 'req-1')?.result;
  await list.settle();
  assert.equal(result(), 'running', 'nothing is known of it yet');
  ends.set('req-1', fakeCall(1, { result: 'broken' }));
  list.pause(true);
  await list.settle();
  assert.equal(result(), 'running', 'nothing moves while it is paused');
  list.pause(false);
  await list.settle();
  assert.equal(result(), 'broken');
  clock.advance(0);
  stop();
});
