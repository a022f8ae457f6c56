// SPDX-License-Identifier: Apache-2.0
// `outpost run` from its first line to its last: options, what a failed start says, the files it leaves and takes away, and a stop
// that neither hangs on open streams nor loses their rows.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { AuditRow } from '../../src/contract/audit-row.ts';
import type { Ready } from '../../src/contract/data-files.ts';
import { agentState } from '../../src/contract/local-api.ts';
import { readySchema } from '../../src/contract/ready.ts';
import { callApi } from '../../src/proxy/commands/running.ts';
import { OUTPOST, runOutpost } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { endlessChat, gatewayToken, untilMorePieces } from './daemon-kit.ts';
import { openTunnel, until } from './intercept-kit.ts';
import { postText, rawCall } from './raw-call.ts';

const [PROGRAM, FIRST] = OUTPOST;
const PORTS = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];

const provider = new SimulatedProvider();
before(() => provider.listen());
after(() => provider.close());

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Running {
  readonly child: ChildProcess;
  readonly ready: Ready;
  readonly dataDir: string;
  readonly readyFile: string;
  readonly stdout: string;
}

/** Without a `config` none is named: the defaults rule. */
async function startRun(t: TestContext, config?: string): Promise<Running> {
  const folder = folderFor(t);
  const [dataDir, readyFile, configFile] = [join(folder, 'data'), join(folder, 'ready.json'), join(folder, 'o.yaml')];
  if (config !== undefined) writeFileSync(configFile, config);
  // Others could enter it until the daemon closes it.
  mkdirSync(dataDir, { mode: 0o755 });
  const files = [
    '--data-dir',
    dataDir,
    '--ready-file',
    readyFile,
    ...(config === undefined ? [] : ['--config', configFile]),
  ];
  const child = spawn(PROGRAM, [...FIRST, 'run', ...files, ...PORTS], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder },
  });
  t.after(() => child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
      if (stdout.includes('outpost ui')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`outpost run ended with ${code}: ${stderr}`)));
  });
  return { child, ready: readySchema.parse(JSON.parse(readFileSync(readyFile, 'utf8'))), dataDir, readyFile, stdout };
}

const portOf = (url: string): number => Number(new URL(url).port);

test('a start without any file of rules says where everything is, on the terminal and in files for this user only', async (t) => {
  const { child, ready, dataDir, readyFile, stdout } = await startRun(t);
  assert.equal(ready.pid, child.pid);
  assert.match(ready.version, /^\d+\.\d+\.\d+$/);
  const urls = [ready.proxy_url, ready.gateway_url, ready.api_url];
  for (const url of urls) {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(stdout.includes(url), 'the address is printed');
  }
  assert.equal(new Set(urls).size, 3);
  assert.match(readFileSync(ready.ca_path, 'utf8'), /^-----BEGIN CERTIFICATE-----/);
  assert.equal(readFileSync(join(dataDir, 'run.json'), 'utf8'), readFileSync(readyFile, 'utf8'));
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  for (const name of ['', 'audit', 'ca']) assert.equal(modeOf(join(dataDir, name)), '700', name);
  for (const name of ['run.json', 'api-token', 'gateway-token']) assert.equal(modeOf(join(dataDir, name)), '600', name);
  assert.equal(modeOf(readyFile), '600');
});

test('a file of rules that is made where one is looked for rules without a restart', async (t) => {
  const { dataDir, ready } = await startRun(t);
  const policy = async () => agentState.parse(await callApi(dataDir, ready, 'GET', '/v1/state')).policy;
  assert.equal((await policy()).path, undefined);
  const file = join(dataDir, '..', 'outpost', 'outpost.yaml');
  mkdirSync(dirname(file));
  writeFileSync(file, 'models: { deny: [one] }\n');
  const deadline = performance.now() + 10_000;
  while ((await policy()).path !== file) {
    assert.ok(performance.now() < deadline, 'the file rules within ten seconds');
    await setTimeout(50);
  }
  assert.equal((await policy()).sha256, createHash('sha256').update(readFileSync(file)).digest('hex'));
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends it with code 0, streams, tunnels and pages open; nothing is left`, async (t) => {
    const { child, ready, dataDir, readyFile } = await startRun(
      t,
      `providers: [{ name: openai, type: openai, base_url: "${provider.origin}/v1" }]\nnetwork: { allow_private: ["127.0.0.1:*"] }\n`,
    );
    const gateway = portOf(ready.gateway_url);
    const stream = rawCall(
      gateway,
      postText(gateway, '/openai/v1/chat/completions', endlessChat('gpt-4o'), gatewayToken(dataDir)),
    );
    await untilMorePieces(stream.text, 1);
    const tunnel = await openTunnel(portOf(ready.proxy_url), `127.0.0.1:${provider.port}`);
    assert.equal(tunnel.status, 200);
    const token = readFileSync(join(dataDir, 'api-token'), 'utf8').trim();
    const events = rawCall(
      portOf(ready.api_url),
      `GET /v1/events HTTP/1.1\r\nHost: ${new URL(ready.api_url).host}\r\nAuthorization: Bearer ${token}\r\nx-outpost-api: 1\r\n\r\n`,
    );
    await events.until(/^HTTP\/1\.1 200 [\s\S]*data:/);
    const idle = rawCall(gateway, '');

    const exit = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
    const asked = performance.now();
    child.kill(signal);
    assert.deepEqual(await exit, [0, null]);
    t.diagnostic(`${(performance.now() - asked).toFixed(0)} ms, of the 2 s that it may take`);

    await Promise.all([stream.ended, events.ended, idle.ended]);
    assert.doesNotMatch(stream.text(), /\r\n0\r\n\r\n$/, 'a stream that was cut must not look whole');
    tunnel.socket.destroy();
    assert.equal(existsSync(readyFile), false, 'the ready file is gone');
    assert.equal(existsSync(join(dataDir, 'run.json')), false, 'run.json is gone');
    await provider.waitFor((request) => request.state === 'client-left' && request.body.includes('gap=20'));
    const { stdout } = await runOutpost(['audit', 'export', '--data-dir', dataDir]);
    const bodies = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as AuditRow).body);
    const intent = bodies.find((body) => body.kind === 'intent');
    const outcome = bodies.find((body) => body.kind === 'outcome');
    assert.ok(intent !== undefined && outcome !== undefined, 'the call that was cut has both its rows');
    assert.equal(outcome.request, intent.request);
    assert.notEqual(outcome.result, 'complete');
    assert.ok(bodies.some((body) => body.kind === 'event' && body.event === 'stopped'));
    assert.equal((await runOutpost(['audit', 'verify', '--data-dir', dataDir])).code, 0);
  });
}

test('a signal is obeyed from the start on: whoever sees the ready file may send one', async (t) => {
  const folder = folderFor(t);
  const dataDir = join(folder, 'data');
  const child = spawn(PROGRAM, [...FIRST, 'run', '--data-dir', dataDir, ...PORTS], {
    stdio: 'ignore',
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder },
  });
  t.after(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
  // Made long before anything serves.
  await until(() => existsSync(dataDir), 'the start has begun');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
});

/** Starts that must fail: exit code, and one plain explanation. */
async function failedStart(t: TestContext, args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const folder = folderFor(t);
  const readyFile = join(folder, 'ready.json');
  const dataDir = ['--data-dir', join(folder, 'data'), '--ready-file', readyFile];
  const { code, stdout, stderr } = await runOutpost(['run', ...dataDir, ...args]);
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /\n\s+at .*:\d+/, 'no stack trace');
  assert.equal(existsSync(readyFile), false);
  assert.equal(existsSync(join(folder, 'data', 'run.json')), false);
  return { code, stderr };
}

test('a port that is taken: says which option to change', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const name of ['--proxy-port', '--gateway-port', '--api-port']) {
    const ports = PORTS.with(PORTS.indexOf(name) + 1, String(port));
    const { code, stderr } = await failedStart(t, ports);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`port ${port} is taken .*${name}`));
  }
});

test('a configuration file that is named must be there', async (t) => {
  const { code, stderr } = await failedStart(t, ['--config', '/nonexistent/outpost.yaml', ...PORTS]);
  assert.equal(code, 1);
  assert.match(stderr, /\/nonexistent\/outpost\.yaml\n {2}the file does not exist\n/);
});

test('a path that cannot be used is named with the option for another', async (t) => {
  const file = join(folderFor(t), 'file');
  writeFileSync(file, '');
  for (const [option, path, code] of [
    ['--data-dir', file, 'EEXIST'],
    ['--data-dir', join(file, 'data'), 'ENOTDIR'],
    ['--ready-file', join(file, 'ready.json'), 'ENOTDIR'],
    ['--ready-file', dirname(file), 'EISDIR'],
  ] as const) {
    const failed = await failedStart(t, [option, path, ...PORTS]);
    assert.deepEqual(failed, {
      code: 1,
      stderr: `outpost run: ${path} cannot be used (${code}); name another place with ${option}\n`,
    });
    assert.equal(existsSync(`${path}.new`), false);
  }
});

test('a damaged certificate folder stops the start, and it is said what to do', async (t) => {
  const dataDir = join(folderFor(t), 'data');
  mkdirSync(join(dataDir, 'ca'), { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, 'ca', 'authority.json'), '{', { mode: 0o600 });
  const { code, stderr } = await failedStart(t, ['--data-dir', dataDir, ...PORTS]);
  assert.equal(code, 1);
  assert.match(stderr, /^outpost run: OUT_CA_UNUSABLE: .*\n {2}.*Restore the folder, or remove all of it.*\n$/);
});

for (const [what, text, place] of [
  ['not YAML', 'providers:\n  - { name: a\n', /line \d+, column \d+/],
  ['an unknown key', 'models:\n  deny: []\n  dney: []\n', /line 3, column 3\b.*dney/],
  [
    'a bad value, and a key beside it',
    'providers:\n  - { name: a, type: opena, api_key: sk-SECRET }\n',
    /line 2, column \d+/,
  ],
] as const) {
  test(`a file with ${what} stops the start and says line and column`, async (t) => {
    const file = join(folderFor(t), 'outpost.yaml');
    writeFileSync(file, text);
    const { code, stderr } = await failedStart(t, ['--config', file, ...PORTS]);
    assert.equal(code, 1);
    assert.match(stderr, place);
    assert.ok(stderr.includes(file), 'says which file');
    assert.doesNotMatch(stderr, /sk-SECRET/);
  });
}

for (const [option, value] of [
  ['--proxy-port', '65536'],
  ['--gateway-port', '-1'],
  ['--api-port', 'http'],
  ['--log-level', 'loud'],
  ['--data-dir', ''],
  ['--config', ''],
] as const) {
  test(`${option} ${value} is refused`, async (t) => {
    const { code, stderr } = await failedStart(t, [`${option}=${value}`]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^outpost run: .*${option}.*; see outpost run --help\n$`));
  });
}
