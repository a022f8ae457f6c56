// SPDX-License-Identifier: Apache-2.0
// The pace of states on their way to the window.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createFakeAgent } from '../../test/fakes/fake-agent.ts';
import type { Watcher } from '../client/agent-client.ts';
import type { AgentState } from '../contract/local-api.ts';
import { createWindowFeed } from './window-feed.ts';

function world() {
  const clock = new FakeClock();
  const sent: unknown[] = [];
  const watchers = new Set<Watcher>();
  const base = createFakeAgent().state();
  const feed = createWindowFeed({
    clock,
    send: (name, value) => sent.push(name === 'state' ? (value as AgentState).uptime_ms : value),
    watch: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  });
  const state = (uptime: number) => {
    for (const watcher of watchers) watcher.state({ ...base, uptime_ms: uptime });
  };
  const link = (kind: 'live' | 'connecting') => {
    for (const watcher of watchers) watcher.link({ kind });
  };
  return { clock, sent, feed, state, link, watchers };
}

test('at most four states a second go out, the latest of each quarter, and links at once', async () => {
  const { clock, sent, feed, state, link } = world();
  feed.start();
  state(1);
  for (let uptime = 2; uptime <= 100; uptime++) {
    state(uptime);
    await clock.advanceAsync(10);
  }
  assert.deepEqual(sent, [1, 26, 51, 76]);
  link('connecting');
  assert.deepEqual(sent.at(-1), { kind: 'connecting' });
  await clock.advanceAsync(250);
  assert.equal(sent.at(-1), 100, 'the last one is not lost');
  await clock.advanceAsync(1_000);
  state(101);
  assert.equal(sent.at(-1), 101, 'after a rest at once');
});

test('nothing is sent once it has stopped, and a page that loads again gets it from the beginning', async () => {
  const { clock, sent, feed, state, watchers } = world();
  feed.start();
  state(1);
  state(2);
  feed.stop();
  assert.equal(clock.pending, 0);
  await clock.advanceAsync(1_000);
  assert.deepEqual(sent, [1]);
  assert.equal(watchers.size, 0);
  feed.start();
  feed.start();
  assert.equal(watchers.size, 1);
  state(3);
  assert.deepEqual(sent, [1, 3]);
});
