// SPDX-License-Identifier: Apache-2.0
// The supervisor with real daemons and with a local API that the test plays: what it starts, follows, tells, and leaves alone.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, setGlobalProxyFromEnv } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { API_VERSION, API_VERSION_HEADER } from '../../src/contract/local-api-constants.ts';
import { createRunner } from '../../src/main/command-runner.ts';
import type { DaemonHost } from '../../src/main/daemon-host.ts';
import { readPlace } from '../../src/main/run-file.ts';
import { createServiceHost } from '../../src/main/service-host.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { createLocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { VERSION } from '../../src/proxy/version.ts';
import { FakeClock } from '../fakes/clock.ts';
import { createFakeAgent, type FakeAgent } from '../fakes/fake-agent.ts';
import { answersProof } from '../fakes/proving.ts';
import {
  childOf,
  isLive,
  notedHost,
  phaseOf,
  type Scene,
  sceneFor,
  supervise,
  TOKEN,
  uid,
  until,
} from './tray-supervisor-kit.ts';

test('where nothing is installed and nobody answers, an own daemon is started, kept alive, and ended with the tray', async (t) => {
  const scene = sceneFor(t);
  const child = childOf(scene);
  const told = supervise(scene, child);
  const first = await isLive(told);
  assert.equal(told.known().keeper, 'child');
  assert.equal(first.pid, child.pid());
  assert.deepEqual(told.links, ['connecting', 'lost starting', 'live']);

  process.kill(first.pid, 'SIGKILL');
  const second = await until(() => {
    const { link, state } = told.known();
    return link.kind === 'live' && state !== undefined && state.pid !== first.pid && state;
  }, 'another one is live');
  assert.equal(second.pid, child.pid());
  const warned = await until(
    () => told.known().state?.health.filter(({ code }) => code === 'daemon-restarted'),
    'the end is a warning',
  );
  assert.equal(warned.length, 1, 'told once, by the daemon or by the tray');

  await told.supervisor.quit();
  assert.equal(child.pid(), undefined);
  assert.equal(readPlace(scene.dataDir, uid), undefined, 'it ended cleanly');
});

test('a daemon that somebody else started is followed and outlives the tray', async (t) => {
  const scene = sceneFor(t);
  const other = childOf(scene);
  scene.atEnd.push(() => other.stop());
  other.start();
  await until(() => readPlace(scene.dataDir, uid), 'it says that it runs');
  const child = notedHost(true);
  const told = supervise(scene, child);
  const { pid } = await isLive(told);
  assert.deepEqual([pid, told.known().keeper, child.asked], [other.pid(), 'other', []]);
  await told.supervisor.quit();
  assert.equal(other.pid(), pid);
  assert.ok(readPlace(scene.dataDir, uid), 'it still runs');
});

test('checks and the support bundle work with the daemon down', async (t) => {
  const scene = sceneFor(t);
  const { supervisor } = supervise(scene, notedHost(true));
  const checks: string[] = [];
  const report = await supervisor.client.doctor(({ name }) => checks.push(name));
  assert.deepEqual(report.checks.map(({ name }) => name).sort(), checks.sort(), 'each check came as it ended');
  assert.ok(checks.length > 3);
  await assert.rejects(supervisor.client.recorded());
  assert.equal((await supervisor.save('rows', join(scene.folder, 'rows'))).kind, 'failed');
  const path = join(scene.folder, 'bundle.zip');
  writeFileSync(path, 'from before, and the dialog asked');
  assert.deepEqual(await supervisor.save('support-bundle', path), { kind: 'saved', path });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path).subarray(0, 2).toString(), 'PK');
});

test('what a running daemon is asked for by the window comes from it', async (t) => {
  const scene = sceneFor(t);
  const told = supervise(scene, childOf(scene));
  await isLive(told);
  const { client, save, act } = told.supervisor;
  assert.equal((await client.recorded()).content, 'metadata');
  assert.equal(await client.call('no-such-call'), undefined);
  const path = join(scene.folder, 'rows.jsonl');
  writeFileSync(path, 'older', { mode: 0o644 });
  assert.deepEqual(await save('rows', path), { kind: 'saved', path });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(path, 'utf8'), /^\{.*"started"/m);
  assert.equal((await act('sync')).ok, false, 'it has no organisation to ask');
  assert.equal((await save('rows', join(scene.folder, 'none', 'rows'))).kind, 'failed');
});

test('a window that watches hears what holds at once, then what changes', async (t) => {
  const scene = sceneFor(t);
  const told = supervise(scene, childOf(scene));
  const { pid } = await isLive(told);
  const heard: string[] = [];
  const end = told.supervisor.client.watch({
    link: (link) => heard.push(phaseOf(link)),
    state: (state) =>
      heard.push(`state ${state.pid} ${state.health.map(({ code }) => code).includes('window-failed')}`),
  });
  assert.deepEqual(heard, ['live', `state ${pid} false`]);
  told.supervisor.windowFailed('renderer-gone');
  await until(() => heard.includes(`state ${pid} true`), 'the tray’s own warning');
  assert.equal(told.known().warnings[0]?.code, 'window-failed');
  assert.equal(told.known().state, told.known().state, 'the same value while nothing changed: it is sent once');
  told.supervisor.windowWorks();
  await until(() => heard.at(-1) === `state ${pid} false`, 'it is taken back');
  end();
});

/** A daemon that the test plays: the real API in front of an invented agent. */
async function played(
  t: TestContext,
  { dataDir }: Scene,
  version = VERSION,
): Promise<FakeAgent & { readonly close: () => Promise<void> }> {
  const agent = createFakeAgent();
  const api = await createLocalApi({
    port: 0,
    view: agent,
    token: TOKEN,
    pageFolder: '/nonexistent',
    clock: systemClock,
    log: silentLog,
  });
  t.after(() => api.close());
  announce(dataDir, api.url, version);
  return Object.assign(agent, { close: () => api.close() });
}

function announce(dataDir: string, api_url: string, version: string): void {
  const url = 'http://127.0.0.1:1';
  const ready = { proxy_url: url, gateway_url: url, api_url, ca_path: '/x', pid: process.pid, version };
  writeFileSync(join(dataDir, 'api-token'), TOKEN, { mode: 0o600 });
  writeFileSync(join(dataDir, 'run.json'), JSON.stringify(ready), { mode: 0o600 });
}

async function listening(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a daemon of another version that speaks the same API is used, and named', async (t) => {
  const scene = sceneFor(t);
  await played(t, scene, '0.0.1');
  const told = supervise(scene, notedHost(true), notedHost(true));
  await isLive(told);
  assert.deepEqual(
    [told.known().otherVersion, told.known().keeper],
    [{ version: '0.0.1', older: 'daemon' }, 'service'],
  );
});

test('a daemon of another version of the API is left alone, and the older side is named', async (t) => {
  const scene = sceneFor(t);
  const server = createServer((request, response) => {
    if (answersProof(TOKEN, request, response)) return;
    response.writeHead(200, { [API_VERSION_HEADER]: String(API_VERSION + 1) }).end('{}');
  });
  announce(scene.dataDir, await listening(t, server), '99.0.0');
  const child = notedHost(true);
  const told = supervise(scene, child, notedHost(true));
  const link = await until(() => {
    const now = told.known().link;
    return now.kind === 'lost' && now.host?.phase === 'incompatible' && now;
  }, 'it is incompatible');
  assert.equal(link.host?.reason, 'the tray is older than Outpost, which is version 99.0.0');
  assert.deepEqual(child.asked, []);
  assert.deepEqual(told.known().warnings, [], 'it answers: it is not down');
});

test('a daemon whose state has another form does not fit either', async (t) => {
  const scene = sceneFor(t);
  const agent = await played(t, scene);
  const told = supervise(scene, notedHost(true));
  await isLive(told);
  const known = agent.state();
  agent.state = () => ({ ...known, surprise: 1 });
  agent.change({});
  await until(() => phaseOf(told.known().link) === 'lost incompatible', 'it is incompatible');
});

test('the token goes to the daemon’s own address only: no redirect is followed, no proxy is asked', async (t) => {
  const scene = sceneFor(t);
  const elsewhere: string[] = [];
  const server = createServer(({ headers, url }, response) => {
    elsewhere.push(`${url} ${headers.authorization}`);
    response.end('{}');
  });
  server.on('connect', ({ url }, socket) => {
    elsewhere.push(`CONNECT ${url}`);
    // Not just closed: fetch would try again and again.
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
  });
  const thief = await listening(t, server);
  let asked = 0;
  const sender = createServer((request, response) => {
    if (answersProof(TOKEN, request, response)) return;
    asked++;
    response.writeHead(307, { location: `${thief}/v1/state`, [API_VERSION_HEADER]: String(API_VERSION) }).end();
  });
  announce(scene.dataDir, await listening(t, sender), VERSION);
  // As NODE_USE_ENV_PROXY does at the start of a process.
  t.after(setGlobalProxyFromEnv({ HTTP_PROXY: thief, http_proxy: thief, NO_PROXY: '', no_proxy: '' }));
  await fetch('http://agent.test/').catch(() => undefined);
  assert.equal(elsewhere.splice(0).length, 1, 'the proxy is in force');
  const child = notedHost(true);
  const told = supervise(scene, child);
  await until(() => child.asked.includes('start'), 'it is not believed');
  assert.ok(asked > 0);
  assert.deepEqual(elsewhere, []);
  assert.equal(told.known().link.kind, 'lost');
});

test('an API that never ends its answer holds nothing', async (t) => {
  const scene = sceneFor(t);
  const server = createServer((request, response) => {
    if (answersProof(TOKEN, request, response)) return;
    response.writeHead(200, { [API_VERSION_HEADER]: String(API_VERSION) });
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) {}
    };
    response.on('drain', more);
    more();
  });
  announce(scene.dataDir, await listening(t, server), VERSION);
  const child = notedHost(true);
  supervise(scene, child);
  await until(() => child.asked.includes('start'), 'it is not believed');
});

test('an answer that is too long is not read to its end', async (t) => {
  const scene = sceneFor(t);
  const state = JSON.stringify(createFakeAgent().state());
  const server = createServer((request, response) => {
    if (answersProof(TOKEN, request, response)) return;
    response.writeHead(200, { [API_VERSION_HEADER]: String(API_VERSION) });
    response.end(`${state}${' '.repeat(5 * 2 ** 20)}`);
  });
  announce(scene.dataDir, await listening(t, server), VERSION);
  const child = notedHost(true);
  const told = supervise(scene, child);
  await until(() => child.asked.includes('start') || told.known().link.kind === 'live', 'it is looked at');
  assert.deepEqual(child.asked, ['start']);
});

test('a service that its manager brings back is followed again, and not started by the tray', async (t) => {
  const scene = sceneFor(t);
  const first = await played(t, scene);
  const service = notedHost(true);
  const told = supervise(scene, notedHost(true), service);
  await isLive(told);
  await first.close();
  rmSync(join(scene.dataDir, 'run.json'));
  await until(() => told.known().link.kind === 'lost', 'it is missed');
  const second = await played(t, scene);
  second.change({ api_refusals: 77 });
  await until(() => told.known().link.kind === 'live' && told.known().state?.api_refusals === 77, 'it is live again');
  assert.deepEqual(service.asked, []);
  assert.deepEqual(told.links, ['connecting', 'live', 'lost looking', 'lost starting', 'live']);
});

test('a listener or a host that fails holds nothing: the life goes on', async (t) => {
  const scene = sceneFor(t);
  const broken: DaemonHost = {
    ...notedHost(true),
    start: () => {
      throw new Error('no');
    },
  };
  const told = supervise(scene, broken);
  const end = told.supervisor.listen(() => {
    throw new Error('no');
  });
  let heard = 0;
  told.supervisor.listen(() => heard++);
  await until(() => told.links.includes('lost starting'), 'it is started, in vain');
  assert.ok(heard > 0, 'the next one hears it all the same');
  end();
  await played(t, scene);
  await isLive(told);
});

test('without a service manager the tray starts a daemon of its own, although the service’s file lies there', async (t) => {
  const scene = sceneFor(t);
  const unit = join(scene.folder, 'outpostd.service');
  writeFileSync(unit, '');
  const start: [string, ...string[]] = [join(scene.folder, 'systemctl')];
  const service = createServiceHost({
    service: { places: [unit], start },
    run: createRunner(systemClock),
    env: scene.env,
  });
  const told = supervise(scene, childOf(scene), service);
  await isLive(told);
  assert.equal(told.known().keeper, 'child');
});

test('a look that fails while the stream is open drops nothing', async (t) => {
  const scene = sceneFor(t);
  const agent = await played(t, scene);
  const told = supervise(scene, notedHost(true));
  await isLive(told);
  // As if it were too busy to answer: nobody is found.
  rmSync(join(scene.dataDir, 'run.json'));
  told.supervisor.woke();
  await pause(300);
  agent.change({ api_refusals: 78 });
  await until(() => told.known().state?.api_refusals === 78, 'the stream goes on');
  assert.deepEqual(told.links, ['connecting', 'live']);
});

test('a daemon whose streams never open is asked more and more slowly', async (t) => {
  const scene = sceneFor(t);
  const clock = new FakeClock();
  const state = JSON.stringify(createFakeAgent().state());
  let streams = 0;
  const server = createServer((request, response) => {
    if (answersProof(TOKEN, request, response)) return;
    const { url } = request;
    const full = url === '/v1/events';
    if (full) streams++;
    response.writeHead(full ? 503 : 200, { [API_VERSION_HEADER]: String(API_VERSION) }).end(full ? '' : state);
  });
  announce(scene.dataDir, await listening(t, server), VERSION);
  const told = supervise(scene, notedHost(true), notedHost(true), clock);
  for (const wait of [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000]) {
    const before = streams;
    clock.advance(Math.max(0, wait - 1));
    // A look that came too soon would have been answered by now.
    if (wait > 0) await fetch(new URL('/v1/state', readPlace(scene.dataDir, uid)?.origin));
    assert.equal(streams, before, `not before ${wait} ms`);
    clock.advance(wait === 0 ? 0 : 1);
    await until(() => streams > before, 'the next one');
    await until(() => /looking|down/.test(phaseOf(told.known().link)), 'it is gone');
  }
});

test('who keeps it while it starts is the tray, as soon as its child lives', async (t) => {
  const scene = sceneFor(t);
  let pid: number | undefined;
  const child: DaemonHost = {
    ...notedHost(true),
    start: () => {
      pid = 4_711;
    },
    pid: () => pid,
  };
  const told = supervise(scene, child);
  assert.equal(told.known().keeper, 'other', 'nobody');
  await until(() => told.known().keeper === 'child', 'its child lives');
  assert.notEqual(told.known().link.kind, 'live');
});

test('that nothing answers is a grave warning after some seconds, and Start is asked of the host', async (t) => {
  const scene = sceneFor(t);
  const service = notedHost(true);
  const told = supervise(scene, notedHost(true), service);
  const [warning] = await until(() => told.known().warnings.length > 0 && told.known().warnings, 'the warning');
  assert.deepEqual([warning?.code, warning?.severity, warning?.action], ['daemon-down', 'high', 'start']);
  assert.deepEqual(service.asked, ['start']);
  assert.equal((await told.supervisor.act('start')).ok, true);
  assert.equal((await told.supervisor.act('sync')).ok, false);
});
