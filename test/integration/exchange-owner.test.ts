// SPDX-License-Identifier: Apache-2.0
// App rules on a machine so busy that processes are named late: on every kind of path the decision waits for the name. The real gateway
// and exchange; only the lookup of the process is the test's own, because nothing can make the kernel late on request.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildConnector } from 'undici';
import type { RefusalBody } from '../../src/contract/audit-row.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { createCounters } from '../../src/proxy/exchange/counters.ts';
import { createExchange } from '../../src/proxy/exchange/exchange.ts';
import { createIds } from '../../src/proxy/exchange/ids.ts';
import { startFailover } from '../../src/proxy/failover.ts';
import { startGateway } from '../../src/proxy/gateway/gateway.ts';
import { createHealth } from '../../src/proxy/health/registry.ts';
import type { Attribution, Identity, Owner } from '../../src/proxy/identity/owner.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { loadPolicy } from '../../src/proxy/policy/load.ts';
import { createH2Sessions } from '../../src/proxy/upstream/h2-sessions.ts';
import { createPools } from '../../src/proxy/upstream/pools.ts';
import { createTrust } from '../../src/proxy/upstream/trust.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { identityOf, until } from './intercept-kit.ts';
import { postText, rawCall } from './raw-call.ts';

const owner = (app: string): Owner => ({
  pid: 7,
  uid: 1000,
  name: app,
  exe: `/opt/${app}`,
  script: undefined,
  started: '1',
  app,
});

/** The real gateway and exchange on this policy. */
async function start(t: TestContext, identity: Identity, yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-owner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'outpost.yaml');
  writeFileSync(file, yaml);
  const loaded = await loadPolicy({ path: file, env: {}, mayBeAbsent: false }, 1);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const audit = await openTestLog(join(folder, 'audit'));
  t.after(() => audit.close());
  const pools = createPools({ connector: buildConnector({}), clock: systemClock });
  t.after(() => pools.close());
  const h2 = createH2Sessions(() => Promise.reject(new Error('no HTTP/2 in this test')));
  const failover = startFailover({
    clock: systemClock,
    log: silentLog,
    dataDir: folder,
    health: createHealth({ clock: systemClock }),
    store: {
      current: loaded.policy,
      status: { state: 'active', sha256: '', since: 0, path: file },
      onChange: () => () => undefined,
      close: () => undefined,
    },
    trust: () => createTrust({ systemRoots: [], extraRoots: [], exclude: () => false }),
    lookup: undefined,
    pools: () => pools,
  });
  t.after(() => failover.close());
  const gateway = await startGateway({
    port: 0,
    handle: createExchange({
      ...failover.exchange,
      policy: () => loaded.policy,
      audit,
      pools,
      h2,
      dial: () => Promise.reject(new Error('no WebSocket in this test')),
      clock: systemClock,
      log: silentLog,
      counters: createCounters(),
      newId: createIds(randomBytes),
    }),
    settings: () => loaded.policy.settings,
    identity,
    ownUid: 1000,
    token: 'the-token',
    clock: systemClock,
    log: silentLog,
  });
  t.after(() => gateway.close());
  const ask = async (path: string, body: unknown): Promise<string> => {
    const call = rawCall(gateway.port, postText(gateway.port, path, body));
    await call.ended;
    return call.text();
  };
  return { audit, ask };
}

async function simulated(t: TestContext): Promise<SimulatedProvider> {
  const provider = await new SimulatedProvider().listen();
  t.after(() => provider.close());
  return provider;
}

test('an app that is named late is judged by its name, on AI paths, other paths and ambiguous ones', async (t) => {
  let named = { uid: 1000, owner: owner('editor') };
  /** Nobody is named within the cap; who waits is told. */
  const late: Identity = {
    ...identityOf({ uid: 1000, owner: undefined }),
    settled: () => Promise.resolve(named),
  };
  const provider = await simulated(t);
  const { audit, ask } = await start(
    t,
    late,
    `providers: [{ name: openai, type: openai, base_url: "${provider.origin}/v1" }]
apps: [{ app: banned, action: block }]
`,
  );
  const refusals: RefusalBody[] = [];
  audit.onRow(({ body }) => {
    if (body.kind === 'refusal') refusals.push(body);
  });
  const BODY = { model: 'gpt-4o', messages: [] };
  const paths = ['/openai/v1/chat/completions', '/openai/v1/some/page'];
  for (const [at, path] of paths.entries()) {
    assert.doesNotMatch(await ask(path, BODY), /OUT_/, `${path}: the innocent pass`);
    assert.equal(provider.requests.length, at + 1);
  }
  named = { uid: 1000, owner: owner('banned') };
  for (const path of [...paths, '/openai/v1/x/../chat/completions']) {
    assert.match(await ask(path, BODY), /^HTTP\/1\.1 400 /, path);
  }
  assert.equal(provider.requests.length, paths.length, 'nothing of the blocked app has left');
  await until(() => refusals.length === 3, 'three refusals are stored');
  assert.deepEqual(
    refusals.map(({ error, rule, app }) => [error, rule, app]),
    [
      ['OUT_BLOCKED_APP', 'apps[0]', 'banned'],
      ['OUT_BLOCKED_APP', 'apps[0]', 'banned'],
      ['OUT_BAD_REQUEST', undefined, 'banned'],
    ],
  );
});

test('a conversation stays where it is, although its app is named late in one turn and at once in the next', async (t) => {
  const editor = { uid: 1000, owner: owner('editor') };
  let atOnce: Attribution = { uid: 1000, owner: undefined };
  const late: Identity = {
    ...identityOf(editor),
    attribute: () => Promise.resolve(atOnce),
  };
  const [first, second] = [await simulated(t), await simulated(t)];
  const { ask } = await start(
    t,
    late,
    `providers:
  - { name: openai, type: openai, base_url: "${first.origin}/v1" }
  - { name: other, type: openai-compatible, base_url: "${second.origin}/v1", api_key: k }
routes: [{ id: r, model: "*", strategy: primary-fallback, fallbacks: [{ provider: openai }, { provider: other }] }]
`,
  );
  const said = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] };
  first.script('status=503');
  assert.match(await ask('/openai/v1/chat/completions', said), /x-outpost-provider: other/i);
  atOnce = editor;
  assert.match(await ask('/openai/v1/chat/completions', said), /x-outpost-provider: other/i);
  assert.equal(first.requests.length, 1);
});
