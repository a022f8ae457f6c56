// SPDX-License-Identifier: Apache-2.0
// What lies over an organisation's policy, as calls meet it: the real gateway and exchange, a simulated provider, refusals with their rows.

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
import { silentLog } from '../../src/proxy/log.ts';
import { loadPolicy } from '../../src/proxy/policy/load.ts';
import { type Conditions, overlay } from '../../src/proxy/policy/overlay.ts';
import type { PolicyStore } from '../../src/proxy/policy/policy.ts';
import { createH2Sessions } from '../../src/proxy/upstream/h2-sessions.ts';
import { createPools } from '../../src/proxy/upstream/pools.ts';
import { createTrust } from '../../src/proxy/upstream/trust.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { identityOf, until } from './intercept-kit.ts';
import { postText, rawCall } from './raw-call.ts';

const OPEN: Conditions = { orders: [], gate: undefined };
const AI = '/main/v1/chat/completions';
/** No dialect knows it, and the catalogue's paths do not name it. */
const OTHER = '/main/v1/some/page';
const STOP = { id: 'o1', reason: 'a drill' };

/** The gateway on two targets: `main`, where a route leads to `side` alone, and `side`. */
async function start(t: TestContext) {
  const provider = await new SimulatedProvider().listen();
  t.after(() => provider.close());
  const folder = mkdtempSync(join(tmpdir(), 'outpost-overlay-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'outpost.yaml');
  const at = `base_url: "${provider.origin}/v1"`;
  writeFileSync(
    file,
    `providers: [{ name: main, type: openai, ${at} }, { name: side, type: openai, ${at}, api_key: sk-side }]
routes: [{ id: away, model: far, fallbacks: [{ provider: side }] }]
`,
  );
  const loaded = await loadPolicy({ path: file, env: {}, mayBeAbsent: false }, 1);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const under = { policy: loaded.policy, relaxed: () => loaded.policy, denyModels: [] };
  let policy = overlay(under, OPEN);
  const audit = await openTestLog(join(folder, 'audit'));
  t.after(() => audit.close());
  const pools = createPools({ connector: buildConnector({}), clock: systemClock });
  t.after(() => pools.close());
  const store: PolicyStore = {
    current: policy,
    status: { state: 'active', sha256: '', since: 0, path: undefined },
    onChange: () => () => undefined,
    close: () => undefined,
  };
  const failover = startFailover({
    clock: systemClock,
    log: silentLog,
    dataDir: folder,
    health: createHealth({ clock: systemClock }),
    store,
    trust: () => createTrust({ systemRoots: [] }),
    lookup: undefined,
    pools: () => pools,
  });
  t.after(() => failover.close());
  const identity = identityOf({ uid: 1000, owner: undefined });
  const gateway = await startGateway({
    port: 0,
    handle: createExchange({
      ...failover.exchange,
      policy: () => policy,
      audit,
      pools,
      h2: createH2Sessions(() => Promise.reject(new Error('no HTTP/2 in this test'))),
      dial: () => Promise.reject(new Error('no WebSocket in this test')),
      clock: systemClock,
      log: silentLog,
      counters: createCounters(),
      newId: createIds(randomBytes),
    }),
    settings: () => policy.settings,
    identity,
    ownUid: 1000,
    token: 'the-token',
    clock: systemClock,
    log: silentLog,
  });
  t.after(() => gateway.close());
  const refusals: RefusalBody[] = [];
  audit.onRow(({ body }) => {
    if (body.kind === 'refusal') refusals.push(body);
  });
  /** Status, and the code where it was refused. */
  const ask = async (path: string, model: string): Promise<string> => {
    const call = rawCall(
      gateway.port,
      postText(gateway.port, path, { model, messages: [{ role: 'user', content: 'hi' }] }),
    );
    await call.ended;
    const text = call.text();
    return [/^HTTP\/1\.1 (\d+)/.exec(text)?.[1], /OUT_[A-Z_]+/.exec(text)?.[0]].filter((part) => part).join(' ');
  };
  const lay = (conditions: Partial<Conditions>): void => {
    policy = overlay(under, { ...OPEN, ...conditions });
  };
  return { ask, lay, refusals, provider };
}

test('an order refuses AI calls with its own words, leaves a row, and lets pass what is no AI', async (t) => {
  const { ask, lay, refusals, provider } = await start(t);
  assert.equal(await ask(AI, 'gpt-4o'), '200');
  lay({ orders: [{ ...STOP, level: 'block-all-ai' }] });
  assert.equal(await ask(AI, 'gpt-4o'), '400 OUT_BLOCKED_ORDER');
  const before = provider.requests.length;
  assert.doesNotMatch(await ask(OTHER, 'gpt-4o'), /OUT_/);
  assert.equal(provider.requests.length, before + 1, 'what is passed on unread is no AI call');
  await until(() => refusals.length === 1, 'the refusal is stored');
  assert.deepEqual([refusals[0]?.error, refusals[0]?.rule], ['OUT_BLOCKED_ORDER', 'order:o1']);
});

test('a route whose targets are all stopped refuses, and does not fall back to the addressed provider', async (t) => {
  const { ask, lay, provider } = await start(t);
  assert.equal(await ask(AI, 'far'), '200');
  lay({ orders: [{ ...STOP, level: 'block-provider', target: 'side' }] });
  const before = provider.requests.length;
  assert.equal(await ask(AI, 'far'), '400 OUT_BLOCKED_ORDER');
  assert.equal(provider.requests.length, before);
  assert.equal(await ask(AI, 'gpt-4o'), '200', 'other calls go on');
});

test('a closed gate refuses in the name of why, an open one lets pass under its own', async (t) => {
  const { ask, lay, refusals } = await start(t);
  for (const code of ['OUT_POLICY_EXPIRED', 'OUT_DEVICE_REVOKED', 'OUT_NO_POLICY'] as const) {
    lay({ gate: { kind: 'block', rule: 'why', code } });
    assert.equal(await ask(AI, 'gpt-4o'), `400 ${code}`);
  }
  lay({ gate: { kind: 'pass', rule: 'override:1' } });
  assert.equal(await ask(AI, 'gpt-4o'), '200');
  await until(() => refusals.length === 3, 'the refusals are stored');
});
