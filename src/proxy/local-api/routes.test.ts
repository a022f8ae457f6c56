// SPDX-License-Identifier: Apache-2.0
// The table of routes is the one of the reference page, and paths are matched literally.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { createFakeAgent } from '../../../test/fakes/fake-agent.ts';
import { createProve } from './proof.ts';
import { createRoutes, matchRoute } from './routes.ts';
import { createSignIn } from './sign-in.ts';

const routes = createRoutes({
  view: createFakeAgent(),
  files: { index: () => undefined, asset: () => undefined },
  signIn: createSignIn({ clock: new FakeClock(), token: 't', random: (bytes) => Buffer.alloc(bytes) }),
  prove: createProve('t'),
  cookieName: 'c',
});

test('docs/reference/local-api.md lists exactly these routes', () => {
  const page = readFileSync(new URL('../../../docs/reference/local-api.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| (GET|POST) \| `([^`]+)` \| (\w+) \|/gm)].map((row) => row.slice(1, 4));
  assert.deepEqual(
    documented,
    routes.map(({ method, path, access }) => [method, path, access]),
  );
});

test('only what changes nothing is open to all, and only the token makes codes', () => {
  const open = routes.filter(({ access }) => access === 'open').map(({ path }) => path);
  assert.deepEqual(open, ['/healthz', '/proxy.pac', '/crl/*', '/v1/proof', '/login/*']);
  for (const { method, access } of routes) assert.equal(method === 'POST', access === 'token');
});

test('a star stands for one plain segment', () => {
  const pathOf = (path: string) => matchRoute(routes, 'GET', path).route?.path;
  assert.equal(pathOf('/assets/page-1.js'), '/assets/*');
  for (const path of [
    '/assets',
    '/assets/',
    '/assets/a/b',
    '/assets/..',
    '/assets/.x',
    '/assets/a%2fb',
    '/assets/*',
    '/*',
  ])
    assert.equal(pathOf(path), undefined, path);
  assert.equal(pathOf(`/assets/${'a'.repeat(129)}`), undefined);
});
