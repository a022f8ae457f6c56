// SPDX-License-Identifier: Apache-2.0
// How the built admin page is served.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { registerAdmin } from '../../src/control-plane/admin/register.ts';
import { createOidc } from '../../src/control-plane/devices/oidc.ts';
import { createApp } from '../../src/control-plane/http/app.ts';
import { AdminClient, refusalIn } from '../fakes/control-plane-admin-client.ts';
import { openControlPlane } from '../fakes/control-plane-context.ts';

const INDEX = '<!doctype html><title>the page</title>';

async function serve(t: TestContext, build: (folder: string) => void): Promise<AdminClient> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-admin-page-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { ctx } = await openControlPlane(`sqlite:${join(folder, 'x.db')}`, { test: t });
  const pageFolder = join(folder, 'admin');
  build(pageFolder);
  const app = await createApp(ctx, { tls: undefined, trustProxy: [], requestsPerMinute: 1_000 });
  t.after(() => app.close());
  await registerAdmin(app, ctx, { publicUrl: undefined, oidc: createOidc(ctx), pageFolder });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return new AdminClient(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
}

function built(folder: string): void {
  mkdirSync(join(folder, 'deep'), { recursive: true });
  for (const [name, text] of [
    ['index.html', INDEX],
    ['admin-ABCD1234.js', 'let a;'],
    ['style-ABCD1234.css', 'a{}'],
    ['admin-ABCD1234.js.map', '{}'],
    ['admin-ABCD1234.js.draft', 'x'],
    ['.env', 'x'],
    ['secret.js', 'x'],
    ['deep/admin-ABCD1234.js', 'x'],
  ] as const) {
    writeFileSync(join(folder, name), text);
  }
}

test('the page is there for whatever it calls its views, and asks again whether it is new', async (t) => {
  const who = await serve(t, built);
  for (const path of ['/admin/', '/admin/devices', '/admin/policies/12', '/admin/?org=acme']) {
    const { status, headers, body } = await who.raw('GET', path);
    assert.equal(status, 200, path);
    assert.equal(body.toString(), INDEX);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache');
  }
  const answer = await who.raw('GET', '/admin');
  assert.deepEqual([answer.status, answer.headers.location], [308, '/admin/']);
});

test('it may load its own script and style alone, and nobody may frame it', async (t) => {
  const { headers } = await (await serve(t, built)).raw('GET', '/admin/');
  const directives = String(headers['content-security-policy']).split('; ');
  assert.deepEqual(directives.toSorted(), [
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "script-src 'self'",
    "style-src 'self'",
  ]);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'same-origin');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
});

test('assets stay what they are for ever', async (t) => {
  const who = await serve(t, built);
  for (const [path, type] of [
    ['/admin/assets/admin-ABCD1234.js', 'application/javascript; charset=utf-8'],
    ['/admin/assets/style-ABCD1234.css', 'text/css; charset=utf-8'],
  ] as const) {
    const { status, headers } = await who.raw('GET', path);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], type);
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(headers['set-cookie'], undefined);
  }
});

test('nothing else that lies in the folder or outside of it is served', async (t) => {
  const who = await serve(t, built);
  for (const path of [
    '/admin/index.html',
    '/admin/assets/',
    '/admin/assets/index.html',
    '/admin/assets/admin-ABCD1234.js.map',
    '/admin/assets/admin-ABCD1234.js.draft',
    '/admin/assets/secret.js',
    '/admin/assets/.env',
    '/admin/assets/deep/admin-ABCD1234.js',
    '/admin/assets/../x.db',
    '/admin/assets/..%2fx.db',
    '/admin/assets/%2e%2e/x.db',
    '/admin/assets//admin-ABCD1234.js',
    '/admin/assets/..\\x.db',
    '/admin/..%2f..%2fx.db',
    '/admin/assets/%00',
    '/admin/x.js',
    '/admin/api/',
    '/admin/api/v1',
    '/admin/api/v1/nothing',
    '/admin/api/v2/session',
  ]) {
    const answer = await who.raw('GET', path);
    assert.ok([400, 403, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.notEqual(answer.body.toString(), INDEX, path);
    assert.notEqual(answer.body.toString(), 'x', path);
  }
  for (const method of ['POST', 'PUT', 'DELETE']) {
    assert.equal(refusalIn(await who.raw(method, '/admin/')), '404 missing');
  }
});

test('before it is built there is nothing, and afterwards there is', async (t) => {
  let folder = '';
  const who = await serve(t, (path) => {
    folder = path;
  });
  assert.equal((await who.raw('GET', '/admin/')).status, 404);
  built(folder);
  assert.equal((await who.raw('GET', '/admin/')).status, 200);
});
