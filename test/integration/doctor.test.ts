// SPDX-License-Identifier: Apache-2.0
// The doctor's checks against real ports, files and certificates: with everything down, with all well, and with each trouble.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CheckStatus, DoctorReport } from '../../src/contract/local-api.ts';
import type { AuditTailCheck } from '../../src/proxy/audit/audit-log.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import type { DoctorContext } from '../../src/proxy/health/doctor/check.ts';
import { CHECKS } from '../../src/proxy/health/doctor/checks.ts';
import { netProbe } from '../../src/proxy/health/doctor/net-probe.ts';
import { exitCodeOf, runDoctor } from '../../src/proxy/health/doctor/run.ts';
import { listenOnLoopback } from '../../src/proxy/local-api/listen.ts';
import { createLocalApi, type LocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { createFakeAgent } from '../fakes/fake-agent.ts';
import { makeTestCa } from '../fakes/pki.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-doctor-'));
const file = (name: string, text = ''): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const ours = makeTestCa({ commonName: 'ours' }).cert;
const publicRoot = makeTestCa({ commonName: 'public' }).cert;
const caPath = file('ca.pem', ours);
const bundle = file('bundle.pem', publicRoot + ours);
const publicOnly = file('public.pem', publicRoot);
const noPem = file('empty.pem', 'nothing');

const agent = createFakeAgent();
let api: LocalApi;
let proxyPort: number;
let pac: string;
const listeners = [createServer((socket) => socket.destroy()), createServer((socket) => socket.destroy())] as const;

before(async () => {
  const view = { ...agent, pac: () => pac };
  api = await createLocalApi({
    port: 0,
    view,
    token: 'x'.repeat(43),
    pageFolder: folder,
    clock: systemClock,
    log: silentLog,
  });
  proxyPort = (await listenOnLoopback(listeners[0], listeners[1], 0)).port;
  pac = `function FindProxyForURL(url, host) { return "PROXY 127.0.0.1:${proxyPort}; DIRECT"; }`;
});

after(async () => {
  await api.close();
  for (const server of listeners) if (server.listening) server.close();
  rmSync(folder, { recursive: true });
});

async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const intact: AuditTailCheck = {
  kind: 'intact',
  epoch: agent.state().audit.epoch,
  seq: 1_300,
  verified: 100,
  newestAt: Date.now(),
};

function healthy(part: Partial<DoctorContext> = {}): DoctorContext {
  const proxyUrl = `http://127.0.0.1:${proxyPort}`;
  return {
    dataDir: folder,
    daemon: { proxyUrl, gatewayUrl: proxyUrl, apiUrl: api.url, pid: agent.state().pid },
    wantedPorts: [],
    live: async () => agent.state(),
    caPath,
    trust: { readRoots: async () => [ours, publicRoot], isTrusted: async (pem) => pem.trim() === ours.trim() },
    auditTail: async () => intact,
    net: netProbe,
    freeBytes: async () => 2 ** 40,
    env: {
      HTTPS_PROXY: proxyUrl,
      NO_PROXY: 'localhost,127.0.0.1,::1,.local',
      NODE_USE_ENV_PROXY: '1',
      NODE_EXTRA_CA_CERTS: caPath,
      SSL_CERT_FILE: bundle,
      REQUESTS_CA_BUNDLE: bundle,
      GIT_SSL_CAINFO: bundle,
    },
    home: folder,
    platform: 'linux',
    clock: systemClock,
    ...part,
  };
}

const statuses = (report: DoctorReport) => Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));

async function one(name: string, part: Partial<DoctorContext> = {}) {
  const report = await runDoctor(CHECKS, healthy(part));
  const check = report.checks.find((candidate) => candidate.name === name);
  assert.ok(check !== undefined, name);
  return check;
}

test('all is well: every check says so', async () => {
  const report = await runDoctor(CHECKS, healthy());
  assert.deepEqual(
    report.checks.filter(({ status }) => status !== 'ok'),
    [],
  );
  assert.equal(exitCodeOf(report), 0);
});

test('everything is down: each check still says something, and the whole fails', async () => {
  const report = await runDoctor(CHECKS, {
    ...healthy(),
    dataDir: join(folder, 'absent'),
    daemon: undefined,
    wantedPorts: [await closedPort()],
    live: () => Promise.reject(new Error('down')),
    caPath: join(folder, 'absent.pem'),
    trust: { readRoots: () => Promise.reject(new Error('no store')), isTrusted: async () => false },
    auditTail: () => Promise.reject(new Error('no such file')),
    freeBytes: () => Promise.reject(new Error('no such folder')),
    env: {},
    home: join(folder, 'absent'),
  });
  assert.equal(exitCodeOf(report), 1);
  assert.deepEqual(statuses(report), {
    ports: 'fail',
    pac: 'unknown',
    'ca-trust': 'fail',
    audit: 'unknown',
    disk: 'unknown',
    clock: 'unknown',
    'env-proxy': 'warn',
    'env-node': 'ok',
    'env-ca-bundles': 'ok',
    'tool-files': 'ok',
  });
  for (const { summary } of report.checks) assert.ok(summary.length > 10);
});

test('a port of ours that another program holds is named while Outpost is stopped', async () => {
  const check = await one('ports', { daemon: undefined, live: async () => undefined, wantedPorts: [proxyPort] });
  assert.equal(check.status, 'fail');
  assert.match(check.summary, new RegExp(`Another program listens on port ${proxyPort}`));
});

test('a dead port, a foreign process and a silent API are failures', async () => {
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const place = { proxyUrl: dead, gatewayUrl: dead, apiUrl: api.url, pid: agent.state().pid };
  assert.match(
    (await one('ports', { daemon: place })).summary,
    /The proxy does not accept .* The gateway does not accept/,
  );
  assert.match((await one('ports', { daemon: { ...place, pid: 1 } })).summary, /another program, answers for Outpost/);
  assert.equal((await one('ports', { live: async () => undefined })).status, 'fail');
});

test('a proxy that listens on IPv4 only is a warning', async () => {
  const only4 = createServer((socket) => socket.destroy());
  only4.listen(0, '127.0.0.1');
  await once(only4, 'listening');
  const url = `http://127.0.0.1:${(only4.address() as AddressInfo).port}`;
  try {
    const check = await one('ports', {
      daemon: { proxyUrl: url, gatewayUrl: url, apiUrl: api.url, pid: agent.state().pid },
    });
    assert.equal(check.status, api.ipv6 ? 'warn' : 'ok');
  } finally {
    only4.close();
  }
});

test('a proxy settings file that is absent or names another proxy is a failure', async () => {
  const right = pac;
  pac = 'function FindProxyForURL() { return "PROXY 127.0.0.1:1"; }';
  assert.match((await one('pac')).summary, /does not name Outpost’s proxy/);
  pac = right;
  const gateway = `http://127.0.0.1:${proxyPort}`;
  const place = { proxyUrl: gateway, gatewayUrl: gateway, apiUrl: gateway, pid: 1 };
  assert.match((await one('pac', { daemon: place })).summary, /is not served/);
});

test('the certificate must be there, trusted, and not at its end', async () => {
  const store = (roots: readonly string[]) => ({
    readRoots: async () => roots,
    isTrusted: async (pem: string) => roots.includes(pem),
  });
  assert.equal((await one('ca-trust', { trust: store([publicRoot]) })).status, 'fail');
  assert.equal((await one('ca-trust', { trust: store([]) })).status, 'unknown');
  const until = (name: string, days: number) => {
    const ends = new Date(Date.now() + days * 86_400_000);
    const { cert } = makeTestCa({ notBefore: new Date(Date.now() - 90 * 86_400_000), notAfter: ends });
    return { caPath: file(name, cert), trust: { readRoots: async () => [cert], isTrusted: async () => true } };
  };
  assert.equal((await one('ca-trust', until('old.pem', -1))).status, 'fail');
  assert.equal((await one('ca-trust', until('soon.pem', 5))).status, 'warn');
});

test('a changed, unreadable, cut or stopped audit log is a failure', async () => {
  const tail = (value: AuditTailCheck) => ({ auditTail: async () => value });
  assert.match(
    (await one('audit', tail({ kind: 'broken', epoch: 'e', seq: 7, reason: 'hash' }))).summary,
    /row 7 of e: hash/,
  );
  assert.equal((await one('audit', tail({ kind: 'unreadable', reason: 'EACCES' }))).status, 'fail');
  assert.match((await one('audit', tail({ ...intact, seq: 3 }))).summary, /wrote row 1284, but the file ends at row 3/);
  const audit = (state: 'degraded' | 'full' | 'down') => ({
    live: async () => ({ ...agent.state(), audit: { ...agent.state().audit, state, reason: 'why' } }),
  });
  assert.equal((await one('audit', audit('degraded'))).status, 'warn');
  for (const state of ['full', 'down'] as const) {
    const check = await one('audit', audit(state));
    assert.equal(check.status, 'fail');
    assert.match(check.summary, /\(why\)/);
  }
});

test('little disk space is a warning, nearly none a failure', async () => {
  assert.equal((await one('disk', { freeBytes: async () => 500 * 2 ** 20 })).status, 'warn');
  assert.equal((await one('disk', { freeBytes: async () => 10 * 2 ** 20 })).status, 'fail');
});

test('a clock that is behind a record or a file is a failure', async () => {
  const later = Date.now() + 3_600_000;
  assert.match(
    (await one('clock', { auditTail: async () => ({ ...intact, newestAt: later }) })).summary,
    /60 minutes in the future/,
  );
  const touched = mkdtempSync(join(folder, 'touched-'));
  writeFileSync(join(touched, 'x'), '');
  utimesSync(join(touched, 'x'), later / 1_000, later / 1_000);
  assert.equal((await one('clock', { dataDir: touched })).status, 'fail');
});

test('the environment of a terminal: each trouble has its own words', async (t) => {
  const dead = await closedPort();
  const good = healthy().env ?? {};
  const table: readonly (readonly [string, string, Record<string, string | undefined>, CheckStatus, RegExp])[] = [
    ['proxy unset', 'env-proxy', { HTTPS_PROXY: undefined }, 'warn', /is not set/],
    ['proxy dead', 'env-proxy', { HTTPS_PROXY: `http://127.0.0.1:${dead}` }, 'fail', /nothing listens: .* offline/],
    ['proxy dead, lower case wins', 'env-proxy', { https_proxy: `http://127.0.0.1:${dead}` }, 'fail', /offline/],
    ['proxy is another program', 'env-proxy', { HTTPS_PROXY: api.url }, 'warn', /another program/],
    [
      'proxy elsewhere, secret kept back',
      'env-proxy',
      { HTTPS_PROXY: 'http://me:secret@proxy.example:3128' },
      'warn',
      /leads to proxy\.example:3128, past/,
    ],
    ['proxy is no address', 'env-proxy', { HTTPS_PROXY: 'proxy.example:3128' }, 'fail', /not an address/],
    ['spellings differ', 'env-proxy', { https_proxy: `http://localhost:${proxyPort}` }, 'warn', /differ/],
    ['localhost through the proxy', 'env-proxy', { NO_PROXY: '127.0.0.1' }, 'warn', /does not name localhost:/],
    ['everything excepted', 'env-proxy', { NO_PROXY: '*' }, 'ok', /./],
    [
      'Node does not verify',
      'env-node',
      { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
      'fail',
      /switches certificate checks off/,
    ],
    ['Node ignores the proxy', 'env-node', { NODE_USE_ENV_PROXY: undefined }, 'warn', /ignore HTTPS_PROXY/],
    ['Node by option', 'env-node', { NODE_USE_ENV_PROXY: undefined, NODE_OPTIONS: '--use-env-proxy' }, 'ok', /./],
    ['Node without our certificate', 'env-node', { NODE_EXTRA_CA_CERTS: publicOnly }, 'warn', /does not have/],
    ['Node with no certificates', 'env-node', { NODE_EXTRA_CA_CERTS: noPem }, 'fail', /no readable certificate/],
    ['Node with an absent file', 'env-node', { NODE_EXTRA_CA_CERTS: join(folder, 'gone') }, 'fail', /gone/],
    ['Node without a file', 'env-node', { NODE_EXTRA_CA_CERTS: undefined }, 'warn', /is not set/],
    [
      'Node with the system’s store',
      'env-node',
      { NODE_EXTRA_CA_CERTS: undefined, NODE_USE_SYSTEM_CA: '1' },
      'ok',
      /./,
    ],
    [
      'ours alone cuts Python off',
      'env-ca-bundles',
      { SSL_CERT_FILE: caPath },
      'fail',
      /SSL_CERT_FILE .* only Outpost/,
    ],
    ['ours alone cuts git off', 'env-ca-bundles', { GIT_SSL_CAINFO: caPath }, 'fail', /GIT_SSL_CAINFO/],
    ['a bundle without ours', 'env-ca-bundles', { REQUESTS_CA_BUNDLE: publicOnly }, 'warn', /REQUESTS_CA_BUNDLE/],
    ['a folder instead of a file', 'env-ca-bundles', { CURL_CA_BUNDLE: folder }, 'fail', /no readable/],
    ['git does not verify', 'env-ca-bundles', { GIT_SSL_NO_VERIFY: 'true' }, 'fail', /GIT_SSL_NO_VERIFY/],
    ['Python does not verify', 'env-ca-bundles', { PYTHONHTTPSVERIFY: '0' }, 'fail', /PYTHONHTTPSVERIFY/],
  ];
  for (const [name, checkName, change, status, words] of table) {
    await t.test(name, async () => {
      const check = await one(checkName, { env: { ...good, ...change } });
      assert.equal(check.status, status, check.summary);
      assert.match(check.summary, words);
      assert.doesNotMatch(check.summary, /secret/);
      if (status !== 'ok') assert.ok(check.fix !== undefined, 'says what to do');
    });
  }
});

test('without a terminal the environment is unknown, not fine', async () => {
  const report = statuses(await runDoctor(CHECKS, healthy({ env: undefined })));
  for (const name of ['env-proxy', 'env-node', 'env-ca-bundles']) assert.equal(report[name], 'unknown', name);
});

test('npm and pip settings with our certificate alone are found, and nothing else of the files is told', async () => {
  const home = mkdtempSync(join(folder, 'home-'));
  writeFileSync(join(home, '.npmrc'), `//registry.example/:_authToken=secret\ncafile = "${caPath}"\n`);
  const npm = await one('tool-files', { home });
  assert.equal(npm.status, 'fail');
  assert.match(npm.summary, /npm’s cafile/);
  assert.doesNotMatch(npm.summary, /secret/);
  writeFileSync(join(home, '.npmrc'), `cafile=\${HOME}/../public.pem\n`);
  assert.equal((await one('tool-files', { home })).status, 'ok');
  const pip = file('pip.conf', '[global]\ncert = ~/missing.pem\n');
  assert.match((await one('tool-files', { home, env: { PIP_CONFIG_FILE: pip } })).summary, /pip’s cert .*missing\.pem/);
});

test('a named pipe in the place of a file does not hold the doctor up', {
  skip: process.platform === 'win32',
}, async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const check = await one('env-ca-bundles', { env: { SSL_CERT_FILE: pipe } });
  assert.equal(check.status, 'fail');
});
