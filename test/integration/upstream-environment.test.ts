// SPDX-License-Identifier: Apache-2.0
// What a user's environment sets has no say in whom and what the daemon trusts upstream.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../src/proxy/clock.ts';
import { connectTls } from '../../src/proxy/upstream/connect.ts';
import { createTrust } from '../../src/proxy/upstream/trust.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { startTlsServer, type TestServer } from '../fakes/tls-server.ts';

const good = makeTestCa();
const bad = makeTestCa();
let folder: string;
let badCaFile: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outpost-environment-'));
  badCaFile = join(folder, 'bad.pem');
  await writeFile(badCaFile, bad.cert);
});
after(() => rm(folder, { recursive: true, force: true }));

const source = (path: string): string => JSON.stringify(new URL(`../../src/proxy/${path}`, import.meta.url).href);

/** Connects to the ports given, once as the daemon does and once as plain Node does; prints what became of each. */
const child = `
  import { connect } from 'node:tls';
  import { systemClock } from ${source('clock.ts')};
  import { connectTls } from ${source('upstream/connect.ts')};
  import { createTrust } from ${source('upstream/trust.ts')};
  import { openTrustStore } from ${source('os/trust-store/open.ts')};
  const { good, bad, ports } = JSON.parse(process.env.TEST_INPUT);
  const systemRoots = await openTrustStore('linux').readRoots();
  const trust = createTrust({ systemRoots: [...systemRoots, good] });
  const base = (port) => ({ host: '127.0.0.1', servername: 'localhost', port, timeoutMs: 10_000, clock: systemClock });
  const result = { storeHasBad: systemRoots.some((pem) => pem.trim() === bad.trim()) };
  const nobody = { ...base(ports.stranger), trust: createTrust({ systemRoots: [], bundledRoots: [] }) };
  result.nobody = await connectTls(nobody).then((socket) => (socket.destroy(), 'accepted'), (error) => error.code);
  for (const [name, port] of Object.entries(ports)) {
    const target = { ...base(port), trust };
    const ours = await connectTls(target).then((socket) => (socket.destroy(), 'accepted'), (error) => error.code);
    const plain = await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', servername: 'localhost', port }, () => resolve('accepted'));
      socket.on('error', (error) => resolve(error.code));
      socket.on('secureConnect', () => socket.destroy());
    });
    result[name] = { ours, plain };
  }
  console.log(JSON.stringify(result));
`;

suite('the environment', () => {
  const servers: Record<string, TestServer> = {};
  before(async () => {
    const names = ['localhost'];
    const yesterday = new Date(Date.now() - 86_400_000);
    const fine = good.issue({ names });
    const stranger = bad.issue({ names });
    const expired = good.issue({ names, notBefore: new Date(0), notAfter: yesterday });
    servers['fine'] = await startTlsServer({ key: fine.key, cert: fine.chain });
    servers['stranger'] = await startTlsServer({ key: stranger.key, cert: stranger.chain });
    servers['expired'] = await startTlsServer({ key: expired.key, cert: expired.chain });
    servers['old'] = await startTlsServer({
      key: fine.key,
      cert: fine.chain,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    });
  });
  after(() => Promise.all(Object.values(servers).map((server) => server.close())));

  async function run(environment: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    const ports = Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, server.port]));
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', child], {
      env: { TEST_INPUT: JSON.stringify({ good: good.cert, bad: bad.cert, ports }), ...environment },
    });
    return JSON.parse(stdout);
  }

  const refused = 'OUT_UPSTREAM_UNTRUSTED';
  const ours = {
    fine: 'accepted',
    stranger: refused,
    expired: refused,
    old: refused,
  };
  function assertOurs(result: Record<string, unknown>): void {
    for (const [name, expected] of Object.entries(ours)) {
      const seen = result[name];
      assert.ok(typeof seen === 'object' && seen !== null && 'ours' in seen);
      assert.equal(seen.ours, expected, name);
    }
    assert.equal(result['nobody'], refused, 'a trust without roots fell back to other roots');
    assert.equal(result['storeHasBad'], false, 'the bad authority came in through the system roots');
  }

  test('that disables verification and lowers the TLS version changes nothing for us', async () => {
    const result = await run({
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=ALL:@SECLEVEL=0 --no-warnings',
    });
    assertOurs(result);
    // The control: it does change plain Node.
    for (const name of ['stranger', 'expired', 'old'])
      assert.deepEqual(result[name], { ours: refused, plain: 'accepted' });
  });

  test('that adds an authority changes nothing for us', async () => {
    const result = await run({ NODE_EXTRA_CA_CERTS: badCaFile, SSL_CERT_FILE: badCaFile, SSL_CERT_DIR: folder });
    assertOurs(result);
    assert.deepEqual(result['stranger'], { ours: refused, plain: 'accepted' });
  });

  for (const option of ['--use-openssl-ca', '--use-system-ca']) {
    test(`that adds an authority through ${option} changes nothing for us`, async () => {
      const result = await run({ NODE_OPTIONS: option, SSL_CERT_FILE: badCaFile, SSL_CERT_DIR: folder });
      assertOurs(result);
      assert.deepEqual(result['stranger'], { ours: refused, plain: 'accepted' });
    });
  }
});

test('a server that asks to renegotiate is refused', async () => {
  const { key, chain } = good.issue({ names: ['localhost'] });
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  await writeFile(keyFile, key);
  await writeFile(certFile, chain);
  const args = ['s_server', '-accept', '127.0.0.1:0', '-key', keyFile, '-cert', certFile, '-tls1_2'];
  const server = spawn('openssl', args, { stdio: 'pipe' });
  try {
    let output = '';
    const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) return match;
        await Promise.race([once(server.stdout, 'data'), once(server.stderr, 'data'), exited]);
      }
    };
    const exited = once(server, 'exit').then(() => assert.fail(`openssl ended: ${output}`));
    exited.catch(() => undefined);
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const port = Number((await until(/ACCEPT 127\.0\.0\.1:(\d+)/))[1]);
    const trust = createTrust({ systemRoots: [good.cert], bundledRoots: [] });
    const target = { host: '127.0.0.1', servername: 'localhost', port, trust, timeoutMs: 10_000, clock: systemClock };
    const socket = await connectTls(target);
    socket.on('error', () => undefined);
    await until(/CIPHER is/);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    server.stdin.write('R\n');
    // "Read BLOCK": the client went along and openssl waits for more.
    assert.equal((await until(/no renegotiation|Read BLOCK/))[0], 'no renegotiation');
    await closed;
  } finally {
    server.kill();
  }
});
