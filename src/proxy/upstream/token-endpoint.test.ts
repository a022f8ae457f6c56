// SPDX-License-Identifier: Apache-2.0
// A token endpoint that hangs, breaks off or talks too much costs one target of a chain, never the call.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import { createGoogleTokens } from './google-token.ts';
import { createPools } from './pools.ts';
import { createPostForm } from './token-endpoint.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function rig(t: TestContext, handle: Handle) {
  const clock = new FakeClock();
  const server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pools = createPools({
    clock: new FakeClock(), // not the deadline's
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
  return { clock, server, post: createPostForm({ clock, pools: () => pools }), url: `http://127.0.0.1:${port}/token` };
}

const FORM = 'assertion=the-secret';

function outpost(code: string, detail?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OutpostError, String(error));
    assert.equal(error.code, code);
    if (detail !== undefined) assert.equal(error.detail, detail);
    assert.match(error.detail ?? '', /^token endpoint/);
    assert.equal(error.cause, undefined);
    assert.doesNotMatch(JSON.stringify({ ...error, stack: error.stack }), /the-secret/);
    return true;
  };
}

test('a form is posted as one and its answer comes back, whatever the status', async (t) => {
  const { clock, post, url } = await rig(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.statusCode = 400;
    response.end(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
  });
  const body = `POST /token application/x-www-form-urlencoded ${FORM}`;
  assert.deepEqual(await post(url, FORM), { status: 400, body });
  assert.equal(clock.pending, 0, 'no deadline is left');
});

test('an endpoint that never answers is given up after eight seconds', async (t) => {
  const { clock, server, post, url } = await rig(t, () => undefined);
  const asked = once(server, 'request');
  const answer = post(url, FORM);
  answer.catch(() => undefined);
  await asked;
  clock.advance(7_999);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  await assert.rejects(answer, outpost('OUT_UPSTREAM_TIMEOUT', 'token endpoint'));
});

test('an endpoint that hangs within its answer is given up too', async (t) => {
  const { clock, server, post, url } = await rig(t, (_request, response) => void response.write('{"access_'));
  const asked = once(server, 'request');
  const answer = post(url, FORM);
  answer.catch(() => undefined);
  await asked;
  clock.advance(8_000);
  await assert.rejects(answer, outpost('OUT_UPSTREAM_TIMEOUT', 'token endpoint'));
});

test('an endpoint that closes the connection is unreachable', async (t) => {
  const { clock, post, url } = await rig(t, (request) => void request.socket.destroy());
  await assert.rejects(post(url, FORM), outpost('OUT_UPSTREAM_UNREACHABLE'));
  assert.equal(clock.pending, 0);
});

test('an answer that breaks off is broken', async (t) => {
  const { post, url } = await rig(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{', () => response.destroy());
  });
  await assert.rejects(post(url, FORM), outpost('OUT_UPSTREAM_BROKEN'));
});

test('an answer beyond 64 KB is broken', async (t) => {
  const { post, url } = await rig(t, (_request, response) => void response.end('x'.repeat(65_537)));
  await assert.rejects(post(url, FORM), outpost('OUT_UPSTREAM_BROKEN', 'token endpoint: more than 65536 bytes'));
});

test('a URL that is none is an error of the same kind', async (t) => {
  const { post } = await rig(t, () => undefined);
  await assert.rejects(post('the-secret', FORM), outpost('OUT_UPSTREAM_UNREACHABLE'));
});

test('after a hang the next call asks anew and gets its token', async (t) => {
  let asked = 0;
  const { clock, server, post, url } = await rig(t, (_request, response) => {
    if (++asked > 1) response.end('{"access_token":"token-2","expires_in":3600}');
  });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = {
    kind: 'google',
    clientEmail: 'agent@project.iam.gserviceaccount.com',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    tokenUri: url,
  } as const;
  const tokens = createGoogleTokens({ clock, post });
  const first = once(server, 'request');
  const both = [tokens.token(secret), tokens.token(secret)].map((token) =>
    assert.rejects(token, outpost('OUT_UPSTREAM_TIMEOUT')),
  );
  await first;
  clock.advance(8_000);
  await Promise.all(both);
  assert.equal(await tokens.token(secret), 'token-2');
  assert.equal(asked, 2);
});
