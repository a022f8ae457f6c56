// SPDX-License-Identifier: Apache-2.0
// The local API and requests that are wrong, too large, too slow, or not HTTP.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { bearer, codeOf, startTestApi, TOKEN } from './local-api-harness.ts';

const { api, agent, clock, folder, ask, raw, close } = await startTestApi();
after(close);

test('no path leads out of the page’s folder, and only page files are served', async () => {
  const paths = [
    '/assets/../index.html',
    '/assets/..%2findex.html',
    '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..\\..\\x',
    '/assets//etc/passwd',
    '/assets/',
    '/assets/.',
    '/assets/..',
    '/assets/index.html',
    '/assets/app-1.js.map',
    '/assets/app-1.js%00.css',
    '/assets/app-1.js/',
    '//127.0.0.1/assets/app-1.js',
    '/v1/../assets/app-1.js',
    '/V1/state',
  ];
  for (const path of paths) {
    const got = await ask(path, { headers: bearer });
    assert.equal(got.status, 404, path);
    assert.equal(codeOf(got), 'not-found', path);
  }
  assert.equal(
    (await ask('/assets/app-1.js', { headers: bearer })).headers['content-type'],
    'text/javascript; charset=utf-8',
  );
});

test('wrong methods are told the right ones; HEAD is a GET without a body', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
    const got = await ask('/v1/state', { method, headers: bearer });
    assert.equal(got.status, 405, method);
    assert.equal(got.headers.allow, 'GET, HEAD');
    assert.equal(codeOf(got), 'method');
  }
  assert.equal((await ask('/v1/login-code', { headers: bearer })).headers.allow, 'POST');
  const head = await ask('/v1/state', { method: 'HEAD', headers: bearer });
  assert.equal(head.status, 200);
  assert.equal(head.body, '');
  assert.ok(Number(head.headers['content-length']) > 100);
  assert.equal((await ask('/v1/events', { method: 'HEAD', headers: bearer })).status, 200);
  assert.equal((await ask('/v1/events', { method: 'HEAD' })).status, 401);
});

test('bodies, targets and heads have bounds', async () => {
  const large = Buffer.alloc(4_097, 'x');
  const declared = await ask('/v1/login-code', { method: 'POST', headers: bearer, body: large });
  assert.equal(declared.status, 413);
  const chunked = await ask('/v1/login-code', {
    method: 'POST',
    headers: { ...bearer, 'transfer-encoding': 'chunked' },
    body: large,
  });
  assert.equal(chunked.status, 413);
  assert.equal((await ask('/v1/login-code', { method: 'POST', headers: bearer, body: 'x'.repeat(4_096) })).status, 201);
  assert.equal((await ask(`/v1/state?${'x'.repeat(2_048)}`, { headers: bearer })).status, 400);
  assert.equal((await ask('/healthz', { headers: { 'x-long': 'x'.repeat(20_000) } })).status, 431);
});

test('a client that does not finish its request is closed', async (t) => {
  const impatient = await startTestApi({ patience: 600 });
  t.after(() => impatient.close());
  const host = `Host: 127.0.0.1:${impatient.api.port}\r\n`;
  const [head, body] = await Promise.all([
    impatient.raw(`GET /healthz HTTP/1.1\r\n${host}X-`),
    impatient.raw(
      `POST /v1/login-code HTTP/1.1\r\n${host}Authorization: Bearer ${TOKEN}\r\nContent-Length: 10\r\n\r\nabc`,
    ),
  ]);
  assert.match(head, /^HTTP\/1.1 408 /);
  assert.match(body, /^HTTP\/1.1 408 /);
});

test('upgrades, CONNECT and garbage get nothing', async () => {
  const host = `Host: 127.0.0.1:${api.port}\r\n`;
  assert.equal(await raw(`GET /v1/events HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`), '');
  assert.equal(await raw('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n'), '');
  assert.match(await raw('\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'), /^HTTP\/1.1 400 /);
  assert.match(
    await raw(`GET /healthz HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    /^HTTP\/1.1 400 /,
  );
});

test('refusals never repeat the token, and a failing view is a plain 500', async () => {
  const view = { ...agent, recorded: () => Promise.reject(new Error(`secret ${TOKEN}`)) };
  const other = await createLocalApi({
    port: 0,
    view,
    token: TOKEN,
    pageFolder: join(folder, 'absent'),
    clock,
    log: silentLog,
  });
  try {
    const get = (path: string) => fetch(`${other.url}${path}`, { headers: bearer });
    const failed = await get('/v1/recorded');
    assert.equal(failed.status, 500);
    assert.doesNotMatch(await failed.text(), new RegExp(TOKEN));
    assert.equal((await get('/')).status, 503);
  } finally {
    await other.close();
  }
});

test('the port that another program holds is an error, and nothing stays open', async () => {
  const parts = { port: api.port, view: agent, token: TOKEN, pageFolder: folder, clock, log: silentLog };
  await assert.rejects(createLocalApi(parts), { code: 'EADDRINUSE' });
});
