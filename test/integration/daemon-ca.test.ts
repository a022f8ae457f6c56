// SPDX-License-Identifier: Apache-2.0
// The device's certificates over the life of the running daemon: `outpost ca rotate` from another process while a decrypted stream
// runs, clients of either generation, and keys that stay where they belong.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { after, before, test } from 'node:test';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Agent, runOutpost, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf, chat, endlessChat, filesUnder, untilMorePieces } from './daemon-kit.ts';
import { openTunnel, requestOver, responseOf, until } from './intercept-kit.ts';

const HOST = 'llm.corp.example';

const testCa = makeTestCa();
const provider = new SimulatedProvider({ tls: testCa.issue({ names: ['localhost'] }) });
let agent: Agent;

before(async () => {
  await provider.listen();
  agent = await startAgent({
    config: `providers:
  - { name: corp, type: openai-compatible, base_url: "https://localhost:${provider.port}/v1", hosts: [${HOST}] }
upstream: { ca_files: ["{CA}"] }
network: { allow_private: ["localhost:*", "127.0.0.1:*"] }
`,
    upstreamCa: testCa.cert,
  });
});
after(async () => {
  await agent?.stop();
  await provider.close();
});

/** Rejects when the certificate does not lead to `ca`. */
async function openIntercepted(ca: string): Promise<TLSSocket> {
  const { socket, status } = await openTunnel(agent.proxyPort, `${HOST}:443`);
  assert.equal(status, 200);
  const secure = tlsConnect({ socket, servername: HOST, ca });
  try {
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  secure.on('error', () => undefined);
  return secure;
}

async function send(secure: TLSSocket, body: object) {
  const headers = { host: HOST, authorization: 'Bearer app-key', 'content-type': 'application/json' };
  const request = requestOver(secure, { method: 'POST', path: '/v1/chat/completions', headers });
  request.end(JSON.stringify(body));
  return responseOf(request);
}

/** A whole call of a client that trusts only `ca`. */
async function statusFor(ca: string): Promise<number | undefined> {
  const secure = await openIntercepted(ca);
  const response = await send(secure, chat('corp-model'));
  response.resume();
  secure.destroy();
  return response.statusCode;
}

const rootsOf = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g) ?? [];
const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('rotation by another process: streams survive, and clients of either generation are served', async () => {
  const [oldRoot = ''] = rootsOf(readFileSync(agent.ready.ca_path, 'utf8'));
  const stream = await openIntercepted(oldRoot);
  const response = await send(stream, endlessChat('corp-model'));
  let text = '';
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  await untilMorePieces(() => text, 1);

  const rotated = await runOutpost(['ca', 'rotate', '--data-dir', agent.dataDir]);
  assert.equal(rotated.code, 0, rotated.stderr);
  const roots = rootsOf(readFileSync(agent.ready.ca_path, 'utf8'));
  const [newRoot = ''] = roots;
  assert.equal(roots.length, 2);
  assert.equal(roots[1], oldRoot);
  assert.notEqual(newRoot, oldRoot);

  // The daemon looks at the folder every five seconds.
  await until(() => agent.log().includes('"ca.changed"'), 'the daemon takes the new root over', 15_000);
  assert.equal(await statusFor(newRoot), 200, 'trusts only the new root');
  assert.equal(await statusFor(oldRoot), 200, 'trusts only the old root');
  assert.equal(await statusFor(roots.join('')), 200, 'trusts both');
  await assert.rejects(statusFor(testCa.cert), /certificate/, 'trusts neither');

  await untilMorePieces(() => text, 20);
  assert.doesNotMatch(text, /OUT_|"error"/);
  stream.destroy();

  const shown = await runOutpost(['ca', 'show', '--json', '--data-dir', agent.dataDir]);
  assert.deepEqual(JSON.parse(shown.stdout), {
    bundle: agent.ready.ca_path,
    generation: 2,
    fingerprints: roots.map(fingerprint),
  });
  const words = await runOutpost(['ca', 'show', '--data-dir', agent.dataDir]);
  assert.match(words.stdout, /current .*generation 2[\s\S]*previous .*generation 1/);
  // Written behind the certificates' change.
  const bundle = () => rootsOf(readFileSync(join(agent.dataDir, 'ca-bundle.pem'), 'utf8')).map(fingerprint);
  await until(
    () => roots.every((root) => bundle().includes(fingerprint(root))),
    '`outpost env` has a bundle with both',
  );
  const bodies = await bodiesOf(agent);
  assert.ok(bodies.some((body) => body.kind === 'event' && body.event === 'ca-rotated'));
});

test('keys: only this user can read them, and they are nowhere outside of ca/', async () => {
  const caDir = dirname(agent.ready.ca_path);
  const stateFile = join(caDir, 'authority.json');
  assert.equal(modeOf(agent.dataDir), '700');
  assert.equal(modeOf(caDir), '700');
  assert.equal(modeOf(stateFile), '600');
  const pem = /-----BEGIN PRIVATE KEY-----\\n([A-Za-z0-9+/=]+)/.exec(readFileSync(stateFile, 'utf8'));
  const secret = pem?.[1]?.slice(-40) ?? '';
  assert.equal(secret.length, 40, 'the key is in the state file, where this test looks for it');

  const others = filesUnder(dirname(agent.dataDir)).filter(({ path }) => !path.startsWith(caDir + sep));
  assert.ok(others.length > 5);
  // The device's own keys, in an organisation; not those of its authority.
  const own = join(agent.dataDir, 'org', 'device.json');
  for (const { path, bytes } of others) {
    assert.ok(path === own || !bytes.includes('PRIVATE KEY'), path);
    assert.ok(!bytes.includes(secret), path);
    if (path === own) assert.equal(modeOf(path), '600');
  }
  const said = await Promise.all([
    runOutpost(['ca', 'show', '--data-dir', agent.dataDir]),
    runOutpost(['doctor', '--json', '--data-dir', agent.dataDir]),
    runOutpost(['status', '--json', '--data-dir', agent.dataDir]),
  ]);
  const printed = agent.log() + said.map(({ stdout, stderr }) => stdout + stderr).join('');
  assert.ok(!printed.includes('PRIVATE KEY') && !printed.includes(secret));
});

test('ca show before the first start says where the certificate will come from, and makes nothing', async () => {
  const nowhere = join(agent.dataDir, 'nowhere');
  const shown = await runOutpost(['ca', 'show', '--data-dir', nowhere]);
  assert.equal(shown.code, 3);
  assert.match(shown.stderr, /it is made when the daemon first starts/);
  assert.equal(existsSync(nowhere), false);
});
