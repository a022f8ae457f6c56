// SPDX-License-Identifier: Apache-2.0
// The local API from outside: who may ask, how a browser signs in, and what every answer carries.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { agentState, doctorReport, envReport, loginCode, recordedView } from '../../src/contract/local-api.ts';
import { bearer, codeOf, startTestApi, TOKEN } from './local-api-harness.ts';

const { api, agent, clock, ask, raw, cookieOf, close } = await startTestApi();
after(close);

const OPEN = ['/healthz', '/proxy.pac', '/crl/1.crl'];
const READER = [
  '/v1/state',
  '/v1/events',
  '/v1/activity',
  '/v1/recorded',
  '/v1/doctor',
  '/v1/env',
  '/',
  '/assets/app-1.js',
];

test('foreign heads are refused on open and guarded routes alike, and counted', async (t) => {
  const before_ = api.refusals()['foreign-host'] ?? 0;
  const table: readonly (readonly [string, Record<string, string>, number, string])[] = [
    ['a rebound name', { host: `evil.example:${api.port}` }, 403, 'foreign-host'],
    ['our name without the port', { host: '127.0.0.1' }, 403, 'foreign-host'],
    ['our name with another port', { host: '127.0.0.1:1' }, 403, 'foreign-host'],
    ['a name that ends like ours', { host: `x.localhost:${api.port}` }, 403, 'foreign-host'],
    ['a name with a trailing dot', { host: `localhost.:${api.port}` }, 403, 'foreign-host'],
    ['another page’s Origin', { origin: 'https://evil.example' }, 403, 'foreign-origin'],
    ['an opaque Origin', { origin: 'null' }, 403, 'foreign-origin'],
    ['another port’s Origin', { origin: 'http://127.0.0.1:1' }, 403, 'foreign-origin'],
    ['another page’s Referer', { referer: 'https://evil.example/x' }, 403, 'foreign-referer'],
    [
      'a Referer that only begins like ours',
      { referer: `http://127.0.0.1:${api.port}.evil.example/` },
      403,
      'foreign-referer',
    ],
    ['a Referer that is no address', { referer: 'x' }, 403, 'foreign-referer'],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }, 403, 'foreign-origin'],
    ['a fetch from another port', { 'sec-fetch-site': 'same-site' }, 403, 'foreign-origin'],
    ['another version of the API', { 'x-outpost-api': '2' }, 400, 'api-version'],
  ];
  for (const [name, headers, status, code] of table) {
    await t.test(name, async () => {
      for (const path of [...OPEN, '/v1/state', '/login/abc']) {
        const got = await ask(path, { headers: { ...bearer, ...headers } });
        assert.equal(got.status, status, path);
        assert.equal(codeOf(got), code, path);
      }
    });
  }
  assert.equal((api.refusals()['foreign-host'] ?? 0) - before_, 25);
});

test('our own names, pages and version pass on both loopback addresses', async () => {
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
    const host = `${name}:${api.port}`;
    const headers = {
      ...bearer,
      host,
      origin: `http://${host}`,
      referer: `http://${host}/x`,
      'sec-fetch-site': 'same-origin',
      'x-outpost-api': '1',
    };
    assert.equal((await ask('/v1/state', { headers })).status, 200, name);
  }
  if (api.ipv6)
    assert.equal((await ask('/healthz', { host: '::1', headers: { host: `[::1]:${api.port}` } })).status, 200);
});

test('two Host headers, none, or a whole address as target are refused', async () => {
  const host = `Host: 127.0.0.1:${api.port}\r\n`;
  assert.match(
    await raw(`GET /healthz HTTP/1.1\r\n${host}Host: evil.example\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1.1 40[03] /,
  );
  assert.match(await raw('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400 /);
  assert.match(await raw('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403 /);
  assert.match(
    await raw(`GET http://127.0.0.1:${api.port}/healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`),
    /^HTTP\/1.1 400 /,
  );
});

test('open routes need nothing; all others need the token or a session', async () => {
  for (const path of OPEN) assert.equal((await ask(path)).status, 200, path);
  for (const path of READER) {
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: TOKEN },
      { authorization: `bearer ${TOKEN}` },
    ]) {
      const got = await ask(path, { headers });
      assert.equal(got.status, 401, path);
      assert.equal(got.headers['www-authenticate'], path === '/' ? undefined : 'Bearer');
    }
  }
  assert.equal((await ask('/no/such/thing')).status, 401);
  assert.equal((await ask('/v1/login-code', { method: 'POST' })).status, 401);
});

test('open routes have the types that their readers look for', async () => {
  assert.equal((await ask('/proxy.pac')).headers['content-type'], 'application/x-ns-proxy-autoconfig');
  assert.match((await ask('/proxy.pac?4711')).body, /FindProxyForURL/);
  assert.equal((await ask('/crl/1.crl')).headers['content-type'], 'application/pkix-crl');
  assert.equal((await ask('/crl/2.crl')).status, 404);
  assert.equal((await ask('/crl/x.crl')).status, 404);
  assert.equal((await ask('/healthz')).body, 'ok\n');
});

test('answers fit their schemas', async () => {
  const get = async (path: string) => JSON.parse((await ask(path, { headers: bearer })).body) as unknown;
  assert.deepEqual(agentState.parse(await get('/v1/state')), agent.state());
  assert.equal(doctorReport.parse(await get('/v1/doctor')).checks.length, 3);
  assert.equal(recordedView.parse(await get('/v1/recorded')).newest.length, 2);
  assert.equal(envReport.parse(await get('/v1/env?shell=fish&tool=curl')).shell, 'fish');
  assert.equal(((await get('/v1/activity?limit=1')) as { activity: unknown[] }).activity.length, 1);
});

test('unknown or wrong parameters are refused', async () => {
  for (const path of [
    '/v1/state?x=1',
    '/v1/activity?limit=0',
    '/v1/activity?limit=9999',
    '/v1/env?shell=cmd',
    '/v1/env?tool=no-such-tool',
    '/v1/env?tool=../x',
  ])
    assert.equal((await ask(path, { headers: bearer })).status, 400, path);
});

test('every answer forbids framing, sniffing, storing and foreign content', async () => {
  const answers = [
    await ask('/healthz'),
    await ask('/v1/state', { headers: bearer }),
    await ask('/v1/state'),
    await ask('/nothing', { headers: bearer }),
    await ask('/healthz', { headers: { host: 'evil.example' } }),
    await ask('/login/x'),
    await ask('/', { headers: bearer }),
    await ask('/assets/app-1.js', { headers: bearer }),
  ];
  for (const { headers } of answers) {
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; .*frame-ancestors 'none'$/);
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-outpost-api'], '1');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
  const page = (await ask('/', { headers: bearer })).headers['content-security-policy'];
  for (const part of ["script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"])
    assert.ok(page?.includes(part), part);
  assert.doesNotMatch(String((await ask('/healthz')).headers['content-security-policy']), /script-src/);
});

test('a one-time address signs a browser in, once', async () => {
  const issued = await ask('/v1/login-code', { method: 'POST', headers: bearer });
  assert.equal(issued.status, 201);
  const { url, expires_in_s } = loginCode.parse(JSON.parse(issued.body));
  assert.equal(expires_in_s, 60);
  const path = new URL(url).pathname;

  assert.equal((await ask(path, { method: 'HEAD' })).status, 401, 'a preview must not use the code up');
  const first = await ask(path);
  assert.equal(first.status, 303);
  assert.equal(first.headers.location, '/');
  const cookie = String(first.headers['set-cookie']?.[0]);
  assert.match(
    cookie,
    new RegExp(`^outpost_session_${api.port}=\\S+; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`),
  );

  const headers = { cookie: String(cookie.split(';')[0]) };
  for (const path_ of ['/', '/v1/state', '/assets/app-1.js'])
    assert.equal((await ask(path_, { headers })).status, 200, path_);
  assert.equal((await ask('/v1/login-code', { method: 'POST', headers })).status, 401, 'a page cannot make codes');
  assert.equal((await ask('/v1/state', { headers: { ...headers, authorization: 'Bearer x' } })).status, 401);

  const second = await ask(path);
  assert.equal(second.status, 401);
  assert.equal(second.headers['set-cookie'], undefined);
});

test('a code that is a minute old is refused', async () => {
  const early = new URL(api.loginUrl()).pathname;
  clock.advance(59_999);
  assert.equal((await ask(early)).status, 303);
  const late = new URL(api.loginUrl()).pathname;
  clock.advance(60_000);
  assert.equal((await ask(late)).status, 401);
});

test('sessions end after twelve hours and cannot be made up', async () => {
  const cookie = await cookieOf();
  const cut = cookie.indexOf('=') + 1;
  const [end, nonce, signature] = cookie.slice(cut).split('.');
  const name = cookie.slice(0, cut);
  const forged = [
    `${Number(end) + 1}.${nonce}.${signature}`,
    `${end}.${nonce}.`,
    `${end}..${signature}`,
    '',
    'x',
    `${'9'.repeat(300)}`,
  ];
  for (const value of forged)
    assert.equal((await ask('/v1/state', { headers: { cookie: name + value } })).status, 401, value);
  assert.equal((await ask('/v1/state', { headers: { cookie: `a=b; ${cookie}; c=d` } })).status, 200);
  clock.advance(12 * 3_600_000);
  assert.equal((await ask('/v1/state', { headers: { cookie } })).status, 401);
});
