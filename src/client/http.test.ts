// SPDX-License-Identifier: Apache-2.0
// The page's client against the real local API: follows, reconnects, and tells what is wrong.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createFakeAgent, type FakeAgent, fakeCall } from '../../test/fakes/fake-agent.ts';
import type { AgentState } from '../contract/local-api.ts';
import { systemClock } from '../proxy/clock.ts';
import { createLocalApi, type LocalApi } from '../proxy/local-api/server.ts';
import { silentLog } from '../proxy/log.ts';
import type { AgentClient, Link } from './agent-client.ts';
import { createHttpClient } from './http.ts';

const TOKEN = 'x'.repeat(43);
/** Stands for wherever the API listens: one that starts again need not get its port again. */
const BASE = 'http://agent.test';
let agent: FakeAgent;
let api: LocalApi;
/** Where requests find it; a port that it left may become another program's. */
let base: string;
let clock: FakeClock;
let authorization: string;
/** Requests that found nobody. */
let failed: number;
let seen: { links: Link['kind'][]; state: AgentState | undefined };
let end: () => void;
let client: AgentClient;

const start = () =>
  createLocalApi({
    port: 0,
    view: agent,
    token: TOKEN,
    pageFolder: '/nonexistent',
    clock: systemClock,
    log: silentLog,
  });

/** `seen` changes by network events that this test cannot await itself. */
async function until(condition: () => boolean): Promise<void> {
  const limit = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < limit, `never came: ${JSON.stringify(seen.links)}`);
    await pause(5);
  }
}

beforeEach(async () => {
  agent = createFakeAgent();
  api = await start();
  base = api.url;
  clock = new FakeClock();
  authorization = `Bearer ${TOKEN}`;
  failed = 0;
  seen = { links: [], state: undefined };
  client = createHttpClient({
    fetch: async (input, init) => {
      // Stands for the cookie that a browser would send.
      const headers = { ...(init?.headers as object), authorization };
      try {
        return await fetch(String(input).replace(BASE, base), { ...init, headers });
      } catch (error) {
        failed += 1;
        throw error;
      }
    },
    clock,
    base: BASE,
  });
  end = client.watch({
    link: ({ kind }) => {
      if (seen.links.at(-1) !== kind) seen.links.push(kind);
    },
    state: (state) => {
      seen.state = state;
    },
  });
});

afterEach(async () => {
  end();
  await api.close();
});

test('states arrive as they change', async () => {
  await until(() => seen.state !== undefined);
  agent.call(fakeCall(9, { id: 'new' }));
  await until(() => seen.state?.activity[0]?.id === 'new');
  assert.deepEqual(seen.links, ['connecting', 'live']);
});

test('a daemon that went is asked again after half a second, then more slowly, and at once on demand', async () => {
  await until(() => seen.state !== undefined);
  base = 'http://127.0.0.1:1';
  await api.close();
  await until(() => seen.links.at(-1) === 'lost' && clock.pending === 1);
  await clock.advanceAsync(499);
  assert.equal(failed, 0);
  await clock.advanceAsync(1);
  // What waits then is the next try; before, it was this one's own limit.
  await until(() => failed === 1 && clock.pending === 1);
  await clock.advanceAsync(999);
  assert.equal(failed, 1);
  api = await start();
  base = api.url;
  agent.call(fakeCall(9, { id: 'later' }));
  client.retry();
  await until(() => seen.state?.activity[0]?.id === 'later');
  assert.deepEqual(seen.links, ['connecting', 'live', 'lost', 'live']);
});

test('silence longer than three heartbeats means that the daemon is gone', async () => {
  await until(() => seen.state !== undefined);
  clock.advance(30_000);
  await until(() => seen.links.includes('lost'));
});

test('a stream that says something now and then is not silent', async () => {
  await until(() => seen.state !== undefined);
  for (const id of ['a', 'b', 'c']) {
    clock.advance(20_000);
    agent.call(fakeCall(9, { id }));
    await until(() => seen.state?.activity[0]?.id === id);
  }
  assert.deepEqual(seen.links, ['connecting', 'live']);
});

test('an ended session and another version are told apart from a daemon that is gone', async () => {
  await until(() => seen.state !== undefined);
  authorization = 'Bearer other';
  clock.advance(30_000);
  await until(() => seen.links.at(-1) === 'lost' && clock.pending === 1);
  clock.advance(500);
  await until(() => seen.links.at(-1) === 'signed-out' && clock.pending === 1);
  authorization = `Bearer ${TOKEN}`;
  const known = agent.state();
  agent.state = () => ({ ...known, surprise: 1 });
  clock.advance(4_000);
  await until(() => seen.links.at(-1) === 'outdated');
});

test('single questions are answered or fail', async () => {
  assert.equal((await client.doctor(() => undefined)).checks.length, 3);
  assert.equal((await client.recorded()).newest.length, 2);
  agent.recorded = async () => ({ ...(await createFakeAgent().recorded()), rows: -1 });
  await assert.rejects(client.recorded());
});
