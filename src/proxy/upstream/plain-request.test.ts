// SPDX-License-Identifier: Apache-2.0
// A small request over the daemon's own pools, which are loaded without the rest of undici.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { plainRequest, textOf } from './plain-request.ts';
import { createPools, type Pools } from './pools.ts';

async function rig(t: TestContext): Promise<{ readonly pools: Pools; readonly url: string }> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.url === '/hang') return;
    response.setHeader('etag', '"1"');
    response.end(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pools = createPools({
    clock: new FakeClock(),
    connector: (_target, callback) => {
      const socket = connect(port, '127.0.0.1', () => callback(null, socket));
      socket.once('error', (error) => callback(error, null));
    },
  });
  t.after(async () => {
    await pools.close();
    server.closeAllConnections();
    server.close();
  });
  return { pools, url: `http://127.0.0.1:${port}` };
}

test('a request and its answer, with a bound on what is read', async (t) => {
  const { pools, url } = await rig(t);
  const headers = { 'content-type': 'text/plain' };
  const answer = await plainRequest(pools, `${url}/a?b=c`, { method: 'POST', headers, body: 'hello' });
  assert.equal(answer.status, 200);
  assert.equal(answer.header('etag'), '"1"');
  assert.equal(await textOf(answer.body, 100), 'POST /a?b=c text/plain hello');
  const again = await plainRequest(pools, url, { method: 'GET', headers });
  await assert.rejects(textOf(again.body, 5), RangeError);
});

test('a request ends with its signal', async (t) => {
  const { pools, url } = await rig(t);
  const controller = new AbortController();
  const answer = plainRequest(pools, `${url}/hang`, { method: 'GET', headers: {}, signal: controller.signal });
  controller.abort(new Error('given up'));
  await assert.rejects(answer, /given up/);
});
