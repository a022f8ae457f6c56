// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildConnector } from 'undici';
import { FakeClock } from '../../test/fakes/clock.ts';
import { call, chain, provider, refused, target, walk } from '../../test/fakes/routing.ts';
import { startFailover } from './failover.ts';
import { createHealth } from './health/registry.ts';
import { silentLog } from './log.ts';
import { loadPolicy } from './policy/load.ts';
import { createPools } from './upstream/pools.ts';
import { createTrust } from './upstream/trust.ts';

/** On a clock that stands still and a folder of its own; `end` closes it before the test does. */
async function setUp(t: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), 'outpost-failover-'));
  const path = join(dataDir, 'outpost.yaml');
  writeFileSync(path, 'providers: []\n');
  const loaded = await loadPolicy({ path, env: {}, mayBeAbsent: false }, 1);
  assert.ok(loaded.ok);
  const clock = new FakeClock();
  const pools = createPools({ connector: buildConnector({}), clock });
  const failover = startFailover({
    clock,
    log: silentLog,
    dataDir,
    health: createHealth({ clock }),
    store: {
      current: loaded.policy,
      status: { state: 'active', sha256: '', since: 0, path },
      onChange: () => () => undefined,
      close: () => undefined,
    },
    trust: () => createTrust({ systemRoots: [], extraRoots: [], exclude: () => false }),
    lookup: undefined,
    pools: () => pools,
  });
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ended ??= failover.close();
    return ended;
  };
  t.after(async () => {
    await end();
    await pools.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { clock, dataDir, failover, end };
}

test('what a provider said a moment before the end is kept', async (t) => {
  const { clock, dataDir, failover, end } = await setUp(t);
  const { router } = failover;
  const route = chain(target(provider('p', ['k'])));
  walk(router.begin(call(route)), clock, () => refused(429, 'rate-limit', { 'retry-after': '600' }));
  const file = join(dataDir, 'routing.json');
  assert.equal(existsSync(file), false);
  await end();
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys: { provider: string; key: string; why: string }[] };
  assert.deepEqual(
    keys.map(({ provider: of, key, why }) => [of, key, why]),
    [['p', 'k', 'rate-limit']],
  );
});

test('a token is fetched once, and anew after it was dropped', async (t) => {
  let asked = 0;
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ access_token: `token-${++asked}`, expires_in: 3600 }));
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { failover } = await setUp(t);

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = {
    kind: 'google',
    clientEmail: 'agent@project.iam.gserviceaccount.com',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    tokenUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
  } as const;
  const key = { name: 'k', weight: 1, secret };
  const { googleToken, dropGoogleToken } = failover.exchange;
  assert.equal(await googleToken(key), 'token-1');
  assert.equal(await googleToken(key), 'token-1');
  dropGoogleToken({ name: 'other', weight: 1, secret: { kind: 'text', value: 'x' } });
  assert.equal(await googleToken(key), 'token-1');
  dropGoogleToken(key);
  assert.equal(await googleToken(key), 'token-2');
});
