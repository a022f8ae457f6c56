// SPDX-License-Identifier: Apache-2.0
// Asking status pages over real HTTP: only those in use, now and then, with conditions, bounds and patience.

import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { type GetPage, type StatusWatch, type UsedProvider, watchStatusPages } from './watch.ts';

const OPENAI: UsedProvider = { name: 'main', type: 'openai', region: undefined };
const GROQ: UsedProvider = { name: 'fast', type: 'groq', region: undefined };
const MINUTE = 60_000;

let server: Server;
let clock: FakeClock;
let used: UsedProvider[];
let asked: { readonly host: string; readonly headers: IncomingHttpHeaders }[];
let answer: (response: ServerResponse, headers: IncomingHttpHeaders) => void;
let watch: StatusWatch;
let changes: number;
let settled: (() => void) | undefined;

/** The page's host goes to the server as a path; everything else is as in the daemon. */
const get: GetPage = (url, headers, signal) =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const path = `/${new URL(url).host}`;
    const call = request({ host: '127.0.0.1', port, path, headers, signal, agent: false }, (response) =>
      resolve({
        status: response.statusCode ?? 0,
        header: (name) => {
          const value = response.headers[name];
          return typeof value === 'string' ? value : undefined;
        },
        body: response,
      }),
    );
    call.on('error', reject);
    call.end();
  });

/** Runs `move` and waits until a call that it began is settled. */
async function asking(move: () => void): Promise<void> {
  const done = new Promise<void>((resolve) => {
    settled = resolve;
  });
  move();
  await done;
  await clock.advanceAsync(0);
}

function start(interval = 5 * MINUTE): void {
  watch = watchStatusPages({
    clock,
    random: () => 0.5,
    get: async (url, headers, signal) => {
      try {
        const page = await get(url, headers, signal);
        const body = async function* () {
          try {
            yield* page.body;
          } finally {
            settled?.();
          }
        };
        if (page.status !== 200) settled?.();
        return { ...page, body: body() };
      } catch (error) {
        settled?.();
        throw error;
      }
    },
    inUse: () => used,
    intervalMs: () => interval,
    onChange: () => {
      changes += 1;
    },
  });
}

const summary = (indicator: string, description: string) =>
  JSON.stringify({ status: { indicator, description }, incidents: [] });

beforeEach(async () => {
  clock = new FakeClock();
  used = [OPENAI];
  asked = [];
  changes = 0;
  answer = (response) => response.end(summary('minor', 'Slow\u0007'));
  server = createServer(({ url = '', headers }, response) => {
    asked.push({ host: url.slice(1), headers });
    answer(response, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  watch.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('what the page says is a hint, with time and place', async () => {
  await asking(() => start());
  assert.deepEqual(watch.hintOf(OPENAI), {
    level: 'minor',
    text: 'Slow',
    at: clock.now(),
    url: 'https://status.openai.com/',
  });
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['status.openai.com'],
  );
  assert.equal(changes, 1);
  assert.equal(clock.pending, 1);
});

test('only providers in use are asked, and each only when its time has come', async () => {
  await asking(() => start());
  clock.advance(4 * MINUTE);
  assert.equal(asked.length, 1);
  await asking(() => clock.advance(MINUTE));
  assert.equal(asked.length, 2);
  used = [GROQ];
  await asking(() => clock.advance(15_000));
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['status.openai.com', 'status.openai.com', 'groqstatus.com'],
  );
  assert.equal(watch.hintOf(OPENAI), undefined);
  used = [];
  clock.advance(60 * MINUTE);
  assert.equal(asked.length, 3);
});

test('an unchanged page is asked for with conditions and keeps its hint', async () => {
  answer = (response, headers) => {
    if (headers['if-none-match'] === '"v1"' && headers['if-modified-since'] === 'Tue, 01 Jan 2030 00:00:00 GMT')
      return response.writeHead(304).end();
    return response
      .writeHead(200, { etag: '"v1"', 'last-modified': 'Tue, 01 Jan 2030 00:00:00 GMT' })
      .end(summary('major', 'Down'));
  };
  await asking(() => start());
  const before = watch.hintOf(OPENAI);
  await asking(() => clock.advance(5 * MINUTE));
  assert.deepEqual(
    asked.map(({ headers }) => headers['if-none-match']),
    [undefined, '"v1"'],
  );
  assert.deepEqual(watch.hintOf(OPENAI), { ...before, at: clock.now() });
  assert.equal(changes, 1);
});

for (const [name, bad] of Object.entries<typeof answer>({
  'an error status': (response) => response.writeHead(500).end('x'),
  'a redirect': (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'something else': (response) => response.end('<html>Just a moment</html>'),
  'more than a megabyte': (response) => response.end(`${summary('none', 'ok')}${' '.repeat(1024 * 1024)}`),
  'a cut answer': (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"status":', () => response.destroy());
  },
})) {
  test(`a page that gives ${name} is unknown, and asked less and less often`, async () => {
    answer = bad;
    await asking(() => start());
    assert.equal(watch.hintOf(OPENAI)?.level, 'unknown');
    clock.advance(10 * MINUTE - 1);
    assert.equal(asked.length, 1);
    await asking(() => clock.advance(1));
    assert.equal(asked.length, 2);
    answer = (response) => response.end(summary('none', 'All good'));
    await asking(() => clock.advance(20 * MINUTE));
    assert.deepEqual([watch.hintOf(OPENAI)?.level, watch.hintOf(OPENAI)?.text], ['ok', 'All good']);
  });
}

test('a page that hangs is given up', async () => {
  let reached: (() => void) | undefined;
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  answer = () => reached?.();
  start(MINUTE);
  await arrived;
  await asking(() => clock.advance(10_000));
  assert.equal(watch.hintOf(OPENAI)?.level, 'unknown');
  assert.equal(asked.length, 1);
});

test('closing ends what is under way and says nothing any more', async () => {
  let reached: (() => void) | undefined;
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  answer = () => reached?.();
  start();
  await arrived;
  await asking(() => watch.close());
  assert.equal(clock.pending, 0);
  assert.equal(changes, 0);
  assert.equal(watch.hintOf(OPENAI), undefined);
});

test('two providers of one vendor are one question', async () => {
  used = [OPENAI, { ...OPENAI, name: 'second' }];
  await asking(() => start());
  assert.equal(asked.length, 1);
  assert.deepEqual(watch.hintOf(used[1] ?? OPENAI), watch.hintOf(OPENAI));
});

test('a provider’s own page is asked instead of the vendor’s, and none where that is said', async () => {
  const own = { ...OPENAI, name: 'own', page: 'https://status.corp.example' };
  used = [own, { ...GROQ, page: false }];
  await asking(() => start());
  clock.advance(MINUTE);
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['status.corp.example'],
  );
  assert.equal(watch.hintOf(own)?.url, 'https://status.corp.example');
  assert.equal(watch.hintOf({ ...GROQ, page: false }), undefined);
  assert.equal(watch.hintOf(OPENAI), undefined);
});
