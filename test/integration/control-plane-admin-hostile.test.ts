// SPDX-License-Identifier: Apache-2.0
// Requests to the admin API that no page of ours sends.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { ADMIN_API, ADMIN_ENDPOINTS, type AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import { registerAdmin } from '../../src/control-plane/admin/register.ts';
import { createOidc } from '../../src/control-plane/devices/oidc.ts';
import { createApp } from '../../src/control-plane/http/app.ts';
import { intentBody } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import {
  AdminClient,
  type AdminWish,
  addressOf,
  refusalIn,
  SESSION_NAME,
  signedIn,
} from '../fakes/control-plane-admin-client.ts';
import { type AdminWorld, config, dump, populate, upload, wishesFor } from '../fakes/control-plane-admin-world.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const ALL = ['viewer', 'author', 'approver', 'auditor', 'admin'] as const;
const NAMES = Object.keys(ADMIN_ENDPOINTS) as AdminEndpointName[];
const CHANGING = NAMES.filter((name) => ADMIN_ENDPOINTS[name].method !== 'GET');

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let world: AdminWorld;
  let admin: Awaited<ReturnType<typeof signedIn>>;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    world = await populate(plane, plane.org, plane.token);
    admin = await signedIn(plane, plane.org, ALL, 'root');
  });
  after(() => plane.close());

  const unchanged = async (work: () => Promise<void>) => {
    const before = await dump(plane.ctx, plane.org);
    await work();
    assert.deepEqual(await dump(plane.ctx, plane.org), before);
  };

  test('no other site can make a browser change anything, whatever it gets the browser to send', async () => {
    const wishes = wishesFor(world);
    const { host } = new URL(plane.url);
    const foreign: readonly (readonly [string, AdminWish['headers']])[] = [
      ['another origin', { origin: 'https://evil.example' }],
      ['another port', { origin: 'http://127.0.0.1:1' }],
      ['another scheme', { origin: `https://${host}` }],
      ['no origin to speak of', { origin: 'null' }],
      ['a host that begins like ours', { origin: `${plane.url}.evil.example` }],
      ['without origin, from another site', { origin: undefined, 'sec-fetch-site': 'cross-site' }],
      ['from a neighbour', { 'sec-fetch-site': 'same-site' }],
      ['typed by somebody', { origin: undefined, 'sec-fetch-site': 'none' }],
    ];
    await unchanged(async () => {
      for (const [what, headers] of foreign) {
        for (const name of CHANGING) {
          const answer = await admin.call(name, { ...wishes[name], headers: headers ?? {} });
          assert.equal(refusalIn(answer), '403 forbidden', `${what}: ${name}`);
        }
        clock.advance(60_000);
      }
    });
  });

  test('a body is JSON, and said to be', async () => {
    const body = Buffer.from(JSON.stringify(wishesFor(world).newOrder.body));
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      '',
    ];
    await unchanged(async () => {
      for (const type of types) {
        const answer = await admin.call('newOrder', { body, headers: { 'content-type': type } });
        assert.equal(refusalIn(answer), '415 invalid', type);
      }
      const form = Buffer.from('a=b');
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      assert.equal(refusalIn(await admin.call('signOut', { body: form, headers })), '415 invalid');
      for (const text of [
        '{',
        '[]',
        'null',
        '"x"',
        '1',
        '{"__proto__":{"level":"bypass"}}',
        '{"constructor":{"prototype":{}}}',
      ]) {
        assert.equal(await admin.no('newOrder', { body: Buffer.from(text) }), '400 invalid', text);
      }
    });
    const utf8 = { 'content-type': 'application/json; charset=utf-8' };
    assert.equal((await admin.call('checkPolicy', { body: { config: config('x') }, headers: utf8 })).status, 200);
  });

  test('a program without a browser’s headers may, with its session', async () => {
    const headers = { origin: undefined, 'sec-fetch-site': undefined };
    const made = await admin.ok('newOrder', { ...wishesFor(world).newOrder, headers });
    await admin.ok('endOrder', { path: made, headers });
  });

  test('reading changes nothing', async () => {
    const wishes = wishesFor(world);
    await unchanged(async () => {
      // Taking rows away is told in the admin log.
      const reading = NAMES.filter((one) => ADMIN_ENDPOINTS[one].method === 'GET' && one !== 'auditExport');
      for (const name of reading.filter((one) => !one.startsWith('oidc'))) {
        const answer = await admin.call(name, wishes[name]);
        assert.equal(answer.status, 200, name);
      }
    });
  });

  test('nothing that changes something is a GET, and no other method leads there', async () => {
    for (const name of CHANGING) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE']) {
        const answer = await admin.raw(method, addressOf(name, wishesFor(world)[name]));
        const reads =
          method === 'GET' &&
          NAMES.some(
            (one) => ADMIN_ENDPOINTS[one].method === 'GET' && ADMIN_ENDPOINTS[one].path === ADMIN_ENDPOINTS[name].path,
          );
        if (!reads) assert.ok([400, 404, 405].includes(answer.status), `${method} ${name}: ${answer.status}`);
      }
    }
  });

  test('members that an endpoint does not know are refused, not passed over', async () => {
    const wishes = wishesFor(world);
    await unchanged(async () => {
      for (const name of CHANGING.filter((one) => one !== 'signIn')) {
        const body = {
          ...(wishes[name].body as object),
          org: 'rival',
          author: 'user:root',
          state: 'active',
          roles: ['admin'],
          id: 'x',
        };
        assert.equal(await admin.no(name, { ...wishes[name], body }), '400 invalid', name);
      }
      for (const name of NAMES.filter((one) => ADMIN_ENDPOINTS[one].method === 'GET' && !one.startsWith('oidc'))) {
        assert.equal(await admin.no(name, { ...wishes[name], query: { nonsense: 'rival' } }), '400 invalid', name);
      }
      assert.equal(await admin.no('audit', { query: 'device=a&device=b' }), '400 invalid');
      assert.equal(await admin.no('audit', { query: 'limit=1e99' }), '400 invalid');
    });
  });

  test('texts that mean something to SQL, to pages or to headers are data', async () => {
    const nasty = [
      "'; DROP TABLE audit; --",
      '" OR 1=1 --',
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      'javascript:alert(1)',
      '%00%0d%0aset-cookie: a=b',
      '‮gnirts',
      '\u2028{{constructor}}',
      ['$', '{7*7}'].join(''),
    ];
    for (const text of nasty) {
      const { id } = await admin.ok('newToken', { body: { note: text, max_uses: 1, hours: 1 } });
      const { tokens } = await admin.ok('tokens');
      assert.equal(tokens.find((one) => one.id === id)?.note, text);
      const hold = await admin.ok('newHold', { body: { device: null, from: 0, to: 1, reason: text } });
      assert.equal((await admin.ok('holds')).holds.find((one) => one.id === hold.id)?.reason, text);
      for (const query of [{ app: text }, { model: `${text}*` }, { host: text, device: text }]) {
        assert.deepEqual((await admin.ok('audit', { query })).rows, []);
      }
      assert.deepEqual((await admin.ok('devices', { query: { search: text, app: text } })).devices, []);
      await admin.ok('adminLog', { query: { actor: text, target: text } });
    }
    const app = '<script>alert(document.cookie)</script>';
    await upload(plane.ctx, plane.org, world.device, [intentBody('xss', { app })]);
    const answer = await admin.call('audit', { query: { request: 'xss' } });
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'/);
    assert.equal(answer.json<{ rows: { app: string }[] }>().rows[0]?.app, app);
    for (const text of ['a\r\nset-cookie: x=y', 'a\u0000b', 'a\u007f']) {
      assert.equal(await admin.no('newToken', { body: { note: text, max_uses: 1, hours: 1 } }), '400 invalid');
      assert.equal(await admin.no('audit', { query: { app: text } }), '400 invalid');
    }
  });

  test('cursors that somebody made up are refused or lead to their own rows', async () => {
    const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const made = [
      'x',
      '../..',
      '-1',
      'r',
      'rzzzzzzzzzzzz',
      base64([]),
      base64(['a\u0000', 'b']),
      base64({ toString: 1 }),
      base64([1, 2]),
    ];
    for (const after of made) {
      for (const name of ['devices', 'audit', 'adminLog', 'alarms', 'policies'] as const) {
        const answer = await admin.call(name, { query: { after } });
        assert.ok([200, 400].includes(answer.status), `${name} ${after}: ${answer.status} ${answer.body}`);
      }
    }
    assert.equal(plane.log.filter(({ event }) => event === 'http.defect').length, 0);
  });

  test('parts of the path that can be none are refused', async () => {
    for (const id of ['..', '%2e%2e%2f', 'a%20b', "x'--", '%00', 'x'.repeat(129)]) {
      const answer = await admin.raw('GET', `${ADMIN_API}/devices/${id}`);
      assert.ok([400, 404].includes(answer.status), `${id}: ${answer.status}`);
    }
    for (const version of ['0', '-1', '1.5', '01', '1e3', '9999999999', 'NaN']) {
      assert.equal(await admin.no('policy', { path: { version } }), '400 invalid', version);
    }
    assert.equal(refusalIn(await admin.raw('GET', `${ADMIN_API}/nothing`)), '404 missing');
    assert.equal(refusalIn(await admin.raw('POST', `${ADMIN_API}/nothing`)), '404 missing');
  });

  test('a body that is too large is refused before it is read; policies may be larger, for those who write them', async () => {
    const large = (bytes: number) => Buffer.from(`{"config":${JSON.stringify('#'.repeat(bytes))}}`);
    assert.equal(await admin.no('newOrder', { body: large(300_000) }), '413 too-large');
    assert.equal(await admin.no('setSettings', { body: large(300_000) }), '413 too-large');
    assert.equal((await admin.call('checkPolicy', { body: large(300_000) })).status, 200);
    assert.equal(await admin.no('checkPolicy', { body: large(1_100_000) }), '400 invalid');
    const viewer = await signedIn(plane, plane.org, ['viewer']);
    assert.equal(refusalIn(await viewer.call('checkPolicy', { body: large(300_000) })), '403 forbidden');
    const body = Buffer.from('{}');
    const headers = { 'content-length': String(30 * 1_048_576) };
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1');
    try {
      const cookie = `${SESSION_NAME}=${admin.token}`;
      const head = [
        `POST ${ADMIN_API}/policies/check HTTP/1.1`,
        'host: x',
        `cookie: ${cookie}`,
        'content-type: application/json',
      ];
      socket.write(`${head.join('\r\n')}\r\ncontent-length: ${headers['content-length']}\r\n\r\n${body}`);
      const first = await new Promise<Buffer>((resolve, reject) => {
        socket.once('data', (chunk: Buffer) => resolve(chunk));
        socket.once('error', reject);
      });
      assert.match(first.toString(), /^HTTP\/1\.1 413 /);
    } finally {
      socket.destroy();
    }
  });

  test('a body that comes too slowly ends the request', async () => {
    const app = await createApp(plane.ctx, {
      tls: undefined,
      trustProxy: [],
      requestsPerMinute: 1_000,
      patience: { headers: 200, request: 400, look: 50 },
    });
    try {
      await registerAdmin(app, plane.ctx, { publicUrl: undefined, oidc: createOidc(plane.ctx) });
      await app.listen({ port: 0, host: '127.0.0.1' });
      const address = app.server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const socket = connect(address.port, '127.0.0.1');
      const said: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => said.push(chunk));
      const head = [`POST ${ADMIN_API}/orders HTTP/1.1`, 'host: x', `cookie: ${SESSION_NAME}=${admin.token}`];
      socket.write(`${head.join('\r\n')}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`);
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
      assert.match(Buffer.concat(said).toString(), /^HTTP\/1\.1 408 /);
    } finally {
      await app.close();
    }
  });

  test('an export ends with one who leaves, and nobody else’s', async () => {
    const bodies = Array.from({ length: 400 }, (_, index) =>
      intentBody(`bulk-${index}`, { path: `/${'p'.repeat(200)}` }),
    );
    for (let count = 0; count < 10; count++) await upload(plane.ctx, plane.org, world.device, bodies);
    const whole = await admin.call('auditExport', { query: { kind: 'intent' } });
    assert.ok(whole.body.length > 2_000_000, `${whole.body.length} bytes`);
    const { port } = new URL(plane.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `GET ${ADMIN_API}/audit/export?kind=intent HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie: ${SESSION_NAME}=${admin.token}\r\n\r\n`,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      break;
    }
    assert.ok(socket.destroyed && chunks.length === 1);
    assert.equal((await admin.call('auditExport', { query: { kind: 'intent' } })).body.length, whole.body.length);
  });

  test('one person cannot ask without end', async () => {
    clock.advance(60_000);
    const busy = await signedIn(plane, plane.org, ['viewer']);
    for (let count = 0; count < 600; count++) assert.equal((await busy.call('session')).status, 200);
    const answer = await busy.call('session');
    assert.equal(refusalIn(answer), '429 rate');
    assert.ok(Number(answer.headers['retry-after']) > 0);
    assert.equal((await admin.call('session')).status, 200);
    clock.advance(60_000);
    assert.equal((await busy.call('session')).status, 200);
  });

  test('a session cookie that is none is nobody, and no defect', async () => {
    for (const token of ['', 'x', 'A'.repeat(43), 'A'.repeat(4_000), "' OR 1=1 --", '%00', '"quoted"']) {
      const who = new AdminClient(plane.url, token);
      assert.equal(await who.no('session'), '401 signed-out', token.slice(0, 20));
    }
    const { hash } = await plane.ctx.db.query.selectFrom('session').select('hash').executeTakeFirstOrThrow();
    assert.equal(await new AdminClient(plane.url, hash).no('session'), '401 signed-out', 'the hash is not the token');
    assert.deepEqual(
      plane.log.filter(({ event }) => event === 'http.defect'),
      [],
    );
  });
});
