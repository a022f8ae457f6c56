// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/proxy/clock.ts';
import { VERSION } from '../../src/proxy/version.ts';
import { FakeDevice, PROTOCOL_HEADERS, send } from '../fakes/device.ts';
import { makeTestCa } from '../fakes/pki.ts';

const ENTRY = fileURLToPath(new URL('../../src/control-plane/control-plane.mjs', import.meta.url));

interface Ready {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
}

describe('outpost-control-plane', () => {
  let folder: string;
  const running: ChildProcess[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outpost-serve-'));
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [ENTRY, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    // Complete once nothing of its output is still to come.
    const ended = once(child, 'close').then(([code]: unknown[]) => code);
    return { child, ended, stdout: text(child.stdout), stderr: text(child.stderr) };
  }

  /** Runs it to its end. */
  async function said(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { ended, stdout, stderr } = run(args, env);
    return { code: await ended, stdout: await stdout, stderr: await stderr };
  }

  /** Starts a server, and waits for its ready file. */
  async function serve(name: string, args: readonly string[] = []) {
    const dataDir = join(folder, name);
    const readyFile = join(folder, `${name}.ready`);
    const seen = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(readyFile)) return;
        watcher.close();
        resolve();
      });
    });
    const server = run(['serve', '--data-dir', dataDir, '--port', '0', '--ready-file', readyFile, ...args]);
    await Promise.race([
      seen,
      server.ended.then(async (code) => assert.fail(`it ended with ${String(code)}: ${await server.stderr}`)),
    ]);
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    return { ...server, dataDir, readyFile, ready };
  }

  test('serves until a signal, and leaves nothing open to others', async () => {
    const { child, ended, ready, readyFile, dataDir, stdout, stderr } = await serve('plain');
    assert.deepEqual([ready.pid, ready.version], [child.pid, VERSION]);
    const answer = await send(ready.url, {
      method: 'GET',
      path: '/.well-known/outpost-sync',
      headers: PROTOCOL_HEADERS,
      body: Buffer.alloc(0),
    });
    assert.equal(answer.status, 200);
    for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
      assert.equal(statSync(join(dataDir, name)).mode & 0o077, 0, name);
    }
    assert.equal(statSync(dataDir).mode & 0o077, 0);
    assert.equal(statSync(readyFile).mode & 0o077, 0);
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    assert.equal(existsSync(readyFile), false);
    assert.match(
      await stdout,
      /^outpost-control-plane \d+\.\d+\.\d+ serves at http:\/\/127\.0\.0\.1:\d+ \(pid \d+\)\n$/,
    );
    const events = (await stderr)
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
    assert.deepEqual([events[0], events.at(-1)], ['serving', 'stopping']);
  });

  test('a signal lets the request that is under way end, and takes no other', async () => {
    const { child, ended, ready } = await serve('drain');
    const device = new FakeDevice({ url: ready.url, org: 'acme', clock: systemClock });
    const { method, path, headers, body } = device.prepare(device.enrolment(`ote_${'A'.repeat(43)}`));
    const lines = Object.entries({ host: new URL(ready.url).host, ...headers }).map(
      ([key, value]) => `${key}: ${String(value)}`,
    );
    const { hostname, port } = new URL(ready.url);
    const socket = connect(Number(port), hostname);
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.write(body.subarray(0, 10));
    // It has the head of the request once it answers another one that came later.
    await send(ready.url, { method: 'GET', path: '/', headers: {}, body: Buffer.alloc(0) });
    child.kill('SIGTERM');
    // Nobody listens any more: then it is draining.
    const isRefused = (): Promise<boolean> =>
      new Promise((resolve) => {
        const probe = connect(Number(port), hostname, () => resolve(false));
        probe.on('error', () => resolve(true));
        probe.on('connect', () => probe.destroy());
      });
    while (!(await isRefused()));
    socket.write(body.subarray(10));
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, /"error":"token"/);
    assert.equal(await ended, 0);
  });

  test('TLS is served with the certificate that it is given', async () => {
    const ca = makeTestCa();
    const issued = ca.issue({ names: ['127.0.0.1'] });
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(cert, issued.chain);
    writeFileSync(key, issued.key);
    const { ready } = await serve('tls', ['--tls-cert', cert, '--tls-key', key]);
    assert.match(ready.url, /^https:/);
    const request = httpsRequest(`${ready.url}/.well-known/outpost-sync`, { ca: ca.cert, agent: false });
    const [response] = await once(request.end(), 'response');
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['strict-transport-security'], 'max-age=31536000; includeSubDomains');
    await text(response);
  });

  test('settings may come from a file; what the command line says comes first', async () => {
    const config = join(folder, 'settings.yaml');
    const database = join(folder, 'elsewhere.db');
    writeFileSync(config, `database: sqlite:${database}\nlisten:\n  port: 1\nlimits:\n  streams: 5\n`);
    const { ready } = await serve('config', ['--config', config]);
    assert.ok(existsSync(database));
    assert.notEqual(new URL(ready.url).port, '1');
  });

  const secret = 'not-for-the-log';
  const unreachable = `postgres://user:${secret}@127.0.0.1:1/none`;
  for (const [name, args, code, message] of [
    ['no command', [], 2, /the only command is serve; see outpost-control-plane --help/],
    ['an unknown option', ['serve', '--nonsense'], 2, /Unknown option '--nonsense'/],
    ['no data folder', ['serve'], 2, /serve needs --data-dir/],
    ['an empty option', ['serve', '--data-dir', ''], 2, /--data-dir must not be empty/],
    ['a wrong port', ['serve', '--data-dir', 'DIR', '--port', '70000'], 2, /setting listen\.port: /],
    [
      'a key without certificate',
      ['serve', '--data-dir', 'DIR', '--tls-key', 'x'],
      2,
      /--tls-cert and --tls-key go together/,
    ],
    [
      'an address that others reach, without TLS',
      ['serve', '--data-dir', 'DIR', '--host', '0.0.0.0'],
      2,
      /setting listen\.host: needs tls/,
    ],
    [
      'a public URL with a path',
      ['serve', '--data-dir', 'DIR', '--public-url', 'https://a.example/b'],
      2,
      /setting public_url: must be scheme/,
    ],
    [
      'a proxy that is no address',
      ['serve', '--data-dir', 'DIR', '--trust-proxy', 'everybody'],
      2,
      /setting trust_proxy\.0/,
    ],
    ['an unknown setting', ['serve', '--data-dir', 'DIR', '--config', 'CONFIG'], 2, /Unrecognized key: "listem"/],
    [
      'a database of no kind',
      ['serve', '--data-dir', 'DIR', '--database', 'mysql://x'],
      1,
      /the database is named sqlite:PATH or postgres:/,
    ],
    ['a database that is away', ['serve', '--data-dir', 'DIR', '--database', unreachable], 1, /ECONNREFUSED/],
  ] as const) {
    test(`one sentence and no stack for ${name}`, async () => {
      const config = join(folder, 'wrong.yaml');
      writeFileSync(config, 'listem:\n  port: 1\n');
      const words = args.map((arg) => arg.replace('DIR', join(folder, 'wrong')).replace('CONFIG', config));
      const { code: got, stdout, stderr } = await said(words);
      assert.equal(got, code, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n.*\n|\bat .*\.ts/);
      assert.ok(!stderr.includes(secret));
    });
  }

  test('help names the options, and the version is the product’s', async () => {
    const help = await said(['--help']);
    assert.equal(help.code, 0);
    for (const option of ['--data-dir', '--port', '--database', '--ready-file', '--trust-proxy']) {
      assert.ok(help.stdout.includes(option), option);
    }
    assert.equal((await said(['--version'])).stdout, `${VERSION}\n`);
  });
});
