// SPDX-License-Identifier: Apache-2.0
// The page's client on the wire: what it sends, and what it makes of answers that are none.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import type { AdminClient } from './admin-client.ts';
import { createHttpClient } from './http.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly type: string | undefined;
  readonly body: string;
}

let server: Server;
let client: AdminClient;
let clock: FakeClock;
let seen: Seen[];
/** undefined: no answer. */
let answer: { status: number; body: string; headers?: Record<string, string> } | undefined;
let arrived: () => void;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

before(async () => {
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, type: headers['content-type'], body: await bodyOf(request) });
    arrived();
    if (answer === undefined) return;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
  arrived = () => undefined;
  clock = new FakeClock();
  const { port } = server.address() as AddressInfo;
  client = createHttpClient({ fetch, clock, base: `http://127.0.0.1:${port}` });
});

const says = (status: number, value: unknown, headers?: Record<string, string>) => {
  answer = { status, body: JSON.stringify(value), ...(headers === undefined ? {} : { headers }) };
};

test('a call becomes method, path, question and JSON; one without a request has no body', async () => {
  says(200, { done: true });
  await client.revoke({ id: 'd-1/2', body: { reason: 'lost' } });
  await client.propose({ version: 12 });
  await client.removeSecret({ name: 'a b' });
  says(200, { devices: [], next: null });
  await client.devices({ query: { search: 'a&b', limit: 50 } });
  assert.deepEqual(seen, [
    {
      method: 'POST',
      url: '/admin/api/v1/devices/d-1%2F2/revoke',
      type: 'application/json',
      body: '{"reason":"lost"}',
    },
    { method: 'POST', url: '/admin/api/v1/policies/12/propose', type: undefined, body: '' },
    { method: 'DELETE', url: '/admin/api/v1/secrets/a%20b', type: undefined, body: '' },
    { method: 'GET', url: '/admin/api/v1/devices?search=a%26b&limit=50', type: undefined, body: '' },
  ]);
});

test('a refusal keeps its code, its words, its faults and how long to wait', async () => {
  const faults = [{ message: 'unknown key', line: 3, column: 5, at: 'hosts.0' }];
  says(400, { error: 'invalid', message: 'the policy has faults', faults });
  const wish = { body: { config: '', note: '' } };
  await assert.rejects(client.saveDraft(wish), { code: 'invalid', message: 'the policy has faults', faults });
  says(429, { error: 'rate', message: 'wait' }, { 'retry-after': '30' });
  await assert.rejects(client.session(), { code: 'rate', retryAfter: 30 });
  says(401, { error: 'signed-out', message: 'sign in first' });
  await assert.rejects(client.session(), { code: 'signed-out', retryAfter: undefined });
});

test('an answer that the contract does not know is not shown', async () => {
  for (const body of [{}, { devices: [{}], next: null }, { devices: [], next: null, more: 1 }, []]) {
    says(200, body);
    await assert.rejects(client.devices(), { code: 'outdated' }, JSON.stringify(body));
  }
  says(500, { error: 'brand-new', message: '' });
  await assert.rejects(client.devices(), { code: 'outdated' });
});

test('a proxy’s page is nobody’s answer', async () => {
  answer = { status: 502, body: '<html>Bad gateway</html>' };
  await assert.rejects(client.devices(), { code: 'network' });
  answer = { status: 200, body: '<html>Welcome to the hotel</html>' };
  await assert.rejects(client.devices(), { code: 'outdated' });
});

test('nobody there, and silence for two minutes, are no answer', async () => {
  const away = createHttpClient({ fetch, clock, base: 'http://127.0.0.1:1' });
  await assert.rejects(away.session(), { code: 'network' });
  answer = undefined;
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const failed = assert.rejects(client.session(), { code: 'network' });
  await reached;
  clock.advance(119_999);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  await failed;
  assert.equal(clock.pending, 0);
});
