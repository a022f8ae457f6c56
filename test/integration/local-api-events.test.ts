// SPDX-License-Identifier: Apache-2.0
// The event stream of the local API: whole state first, thinned out after it, alive when silent, bounded.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { agentState } from '../../src/contract/local-api.ts';
import { HEARTBEAT_MS, MOST_CLIENTS } from '../../src/proxy/local-api/events.ts';
import { createLocalApi, type LocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { createFakeAgent, type FakeAgent, fakeCall } from '../fakes/fake-agent.ts';

const TOKEN = 'x'.repeat(43);
let clock: FakeClock;
let agent: FakeAgent;
let api: LocalApi;
let open: ClientRequest[];

beforeEach(async () => {
  clock = new FakeClock();
  agent = createFakeAgent();
  open = [];
  api = await createLocalApi({ port: 0, view: agent, token: TOKEN, pageFolder: '/nonexistent', clock, log: silentLog });
});

afterEach(async () => {
  for (const client of open) client.destroy();
  await api.close();
});

async function connectEvents(): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const client = request({ host: '127.0.0.1', port: api.port, path: '/v1/events', headers, agent: false });
  client.on('error', () => undefined);
  open.push(client);
  client.end();
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
}

/** Hands out the frames of a stream one by one. */
function framesOf(response: IncomingMessage): () => Promise<string> {
  const bytes = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let text = '';
  return async () => {
    for (let end = text.indexOf('\n\n'); ; end = text.indexOf('\n\n')) {
      if (end >= 0) {
        const frame = text.slice(0, end);
        text = text.slice(end + 2);
        return frame;
      }
      const { value, done } = await bytes.next();
      if (done === true) return 'end';
      text += (value as Buffer).toString('utf8');
    }
  };
}

function stateOf(frame: string) {
  const [event, data] = frame.split('\n');
  assert.equal(event, 'event: state');
  return agentState.parse(JSON.parse(String(data).slice('data: '.length)));
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < end, 'the condition never came true');
    await nextTurn();
  }
}

test('the whole state comes first, and again when it changes', async () => {
  const response = await connectEvents();
  assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
  const next = framesOf(response);
  assert.deepEqual(stateOf(await next()), agent.state());
  agent.call(fakeCall(9));
  assert.equal(stateOf(await next()).activity[0]?.id, 'req-9');
});

test('a burst of changes is sent as one state at most each 250 ms, and the last one always arrives', async () => {
  const next = framesOf(await connectEvents());
  await next();
  for (let number = 10; number < 110; number++) agent.call(fakeCall(number));
  assert.equal(stateOf(await next()).activity[0]?.id, 'req-10');
  clock.advance(249);
  agent.call(fakeCall(110));
  clock.advance(1);
  assert.equal(stateOf(await next()).activity[0]?.id, 'req-110');
  clock.advance(1_000);
  agent.call(fakeCall(111));
  assert.equal(stateOf(await next()).activity[0]?.id, 'req-111');
});

test('a silent stream stays alive by comments', async () => {
  const next = framesOf(await connectEvents());
  await next();
  clock.advance(HEARTBEAT_MS);
  assert.equal(await next(), ': alive');
});

test('the stream is given to a bounded number of pages, and a place is free again when one leaves', async () => {
  for (let number = 0; number < MOST_CLIENTS; number++) await framesOf(await connectEvents())();
  const refused = await connectEvents();
  assert.equal(refused.statusCode, 503);
  assert.equal(refused.headers['retry-after'], '5');
  open[0]?.destroy();
  let answer = 503;
  await until(() => agent.listeners === 1);
  for (let tries = 0; answer === 503 && tries < 200; tries++) answer = (await connectEvents()).statusCode ?? 0;
  assert.equal(answer, 200);
});

test('nothing is listened to and no timer runs while no page is open', async () => {
  assert.equal(agent.listeners, 0);
  const next = framesOf(await connectEvents());
  await next();
  assert.equal(agent.listeners, 1);
  open[0]?.destroy();
  await until(() => agent.listeners === 0);
  assert.equal(clock.pending, 0);
});

test('a page that stops reading is not fed into memory, and is dropped after a while', async () => {
  const response = await connectEvents();
  response.pause();
  const large = Array.from({ length: 2_000 }, (_, index) => fakeCall(index, { model: 'm'.repeat(250) }));
  let states = 0;
  const state = agent.state;
  agent.state = () => {
    states++;
    return state();
  };
  for (let round = 0; round < 100; round++) {
    agent.change({ activity: large });
    clock.advance(250);
    await nextTurn();
  }
  // Each state is about 900 KB; the sockets' buffers hold some megabytes, the rest must never have been built.
  assert.ok(states < 40, `${states} states were built for a client that reads none`);
  clock.advance(3 * HEARTBEAT_MS);
  await until(() => agent.listeners === 0);
});

test('closing the API ends the streams', async () => {
  const next = framesOf(await connectEvents());
  await next();
  await api.close();
  assert.equal(await next(), 'end');
});
