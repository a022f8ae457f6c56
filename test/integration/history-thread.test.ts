// SPDX-License-Identifier: Apache-2.0
// The history thread itself: pages between the pieces of a count, and what becomes of questions when it is killed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { usageReport } from '../../src/contract/local-history.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { createHistory } from '../../src/proxy/history/history.ts';
import type { FromHistory, ToHistory } from '../../src/proxy/history/history-protocol.ts';
import { serveHistory } from '../../src/proxy/history/history-service.ts';
import { startHistoryThread } from '../../src/proxy/history/history-thread.ts';
import { makeQueue } from '../bench/queue.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';
import { bearer, codeOf, startTestApi } from './local-api-harness.ts';

const PRICES = { types: [], overrides: [] };

test('a page that is asked for while usage is counted is answered before the count has ended', async (t) => {
  const dir = temporaryFolder(t);
  makeQueue(dir, 4_000);
  const said: FromHistory[] = [];
  const done = Promise.withResolvers<void>();
  let receive: (message: ToHistory) => void = () => undefined;
  let pauses = 0;
  const port = {
    listen: (listener: typeof receive) => {
      receive = listener;
    },
    pause: async () => {
      pauses += 1;
      if (pauses === 1) receive({ type: 'ask', number: 2, question: { kind: 'calls', query: {} } });
    },
    post: (message: FromHistory) => {
      said.push(message);
      if (message.number === 1) done.resolve();
    },
    end: () => undefined,
  };
  serveHistory(port, { dir }, systemClock, () => 'UTC');
  receive({ type: 'ask', number: 1, question: { kind: 'usage', prices: PRICES } });
  await done.promise;
  assert.deepEqual(
    said.map(({ type, number }) => [type, number]),
    [
      ['answer', 2],
      ['answer', 1],
    ],
  );
  assert.ok(pauses >= 8, String(pauses));
});

/** A local API on a real history thread, and the threads that were started. */
async function startReal(t: TestContext, dir: string) {
  const threads: Worker[] = [];
  const first = Promise.withResolvers<Worker>();
  const history = createHistory({
    dir,
    clock: systemClock,
    prices: () => PRICES,
    startThread: (data) => {
      const thread = startHistoryThread(data);
      assert.ok(thread instanceof Worker);
      threads.push(thread);
      first.resolve(thread);
      return thread;
    },
  });
  const api = await startTestApi();
  t.after(async () => {
    await api.close();
    await history.close();
  });
  Object.assign(api.agent, { usage: history.usage, calls: history.calls, callDetail: history.call });
  return { api, first: first.promise, threads };
}

test('a thread that is killed in the middle of a question fails it with 503, and the next question has another', async (t) => {
  const dir = temporaryFolder(t);
  makeQueue(dir, 2_000);
  const { api, first, threads } = await startReal(t, dir);
  // While somebody else has the file, the count cannot end.
  const other = new Database(listQueueFiles(dir)[0]?.path ?? '');
  t.after(() => other.close());
  other.exec('BEGIN EXCLUSIVE');
  const asked = api.ask('/v1/usage', { headers: bearer });
  const thread = await first;
  await once(thread, 'online');
  await thread.terminate();
  const failed = await asked;
  assert.deepEqual([failed.status, codeOf(failed), failed.headers['retry-after']], [503, 'unavailable', '5']);
  other.exec('ROLLBACK');
  const next = await api.ask('/v1/usage', { headers: bearer });
  assert.equal(next.status, 200);
  assert.equal(usageReport.parse(JSON.parse(next.body)).total.calls, 1_000);
  assert.equal(threads.length, 2);
});
