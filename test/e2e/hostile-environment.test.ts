// SPDX-License-Identifier: Apache-2.0
// Whoever starts the daemon does not choose whom it trusts: the variables that loosen Node's and OpenSSL's checks change nothing
// upstream, and neither does our own CA.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createServer, type Server, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { authorityFrom, makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayToken } from '../integration/daemon-kit.ts';
import { settledCall } from './clients/kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-hostile-'));
const strangerFile = join(folder, 'stranger.pem');
const trusted = makeTestCa();
const strangerCa = makeTestCa();

/** A provider whose chain ends in `authority`. */
function providerOf(authority: ReturnType<typeof makeTestCa>): SimulatedProvider {
  const { key, chain } = authority.issue({ names: ['localhost'] });
  return new SimulatedProvider({ tls: { key, cert: chain } });
}

const good = providerOf(trusted);
const stranger = providerOf(strangerCa);
let ours: SimulatedProvider;
/** Trusted, but speaks no TLS above 1.1. */
let old: Server;
let oldHandshakes = 0;
let agent: Agent;
let deviceRoot: string;

before(async () => {
  writeFileSync(strangerFile, strangerCa.cert);
  // A first start makes the device's CA; then its key signs an upstream.
  const first = await startAgent({ config: '{}\n', folder });
  await first.stop();
  const caFile = first.ready.ca_path;
  const state = readFileSync(join(first.dataDir, 'ca', 'authority.json'), 'utf8');
  const key = JSON.stringify(JSON.parse(state)).match(/-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----/)?.[0];
  assert.ok(key !== undefined);
  deviceRoot = readFileSync(caFile, 'utf8');
  ours = providerOf(authorityFrom(deviceRoot, JSON.parse(`"${key}"`) as string));
  const identity = trusted.issue({ names: ['localhost'], key: 'rsa-2048' });
  old = createServer(
    { key: identity.key, cert: identity.chain, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    (socket) => {
      oldHandshakes += 1;
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
    },
  );
  old.on('tlsClientError', () => undefined);
  old.listen(0, '127.0.0.1');
  await Promise.all([once(old, 'listening'), good.listen(), stranger.listen(), ours.listen()]);
  const entry = (name: string, port: number) =>
    `  - { name: ${name}, type: openai-compatible, base_url: "https://localhost:${port}/v1" }`;
  agent = await startAgent({
    folder,
    // Even an administrator who lists our own CA as trusted must not close the loop.
    config: `providers:
${entry('good', good.port)}
${entry('stranger', stranger.port)}
${entry('ours', ours.port)}
${entry('old', (old.address() as AddressInfo).port)}
upstream: { ca_files: ["{CA}", ${JSON.stringify(caFile)}] }
`,
    upstreamCa: trusted.cert,
    env: {
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_EXTRA_CA_CERTS: strangerFile,
      SSL_CERT_FILE: strangerFile,
      SSL_CERT_DIR: folder,
      NODE_USE_SYSTEM_CA: '1',
      NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=ALL:@SECLEVEL=0',
    },
  });
});
after(async () => {
  await agent?.stop();
  old?.close();
  await Promise.all([good.close(), stranger.close(), ours?.close()]);
  rmSync(folder, { recursive: true });
});

function ask(provider: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${agent.gatewayPort}/${provider}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer app-key', 'content-type': 'application/json', ...gatewayToken(agent.dataDir) },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'secret prompt' }] }),
  });
}

async function handshake(
  port: number,
  options: { ca: string; minVersion?: 'TLSv1'; ciphers?: string },
): Promise<TLSSocket> {
  const socket = tlsConnect({ host: '127.0.0.1', port, servername: 'localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

test('the bad upstreams are bad in one way only: a client that trusts them gets through', async () => {
  for (const [provider, ca] of [[stranger, strangerCa.cert] as const, [ours, deviceRoot] as const]) {
    (await handshake(provider.port, { ca })).destroy();
  }
  const lax = { ca: trusted.cert, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  const socket = await handshake((old.address() as AddressInfo).port, lax);
  assert.equal(socket.getProtocol(), 'TLSv1.1');
  socket.destroy();
  oldHandshakes = 0;
});

test('an upstream of a CA that the configuration names is used', async () => {
  const answer = await ask('good');
  assert.equal(answer.status, 200, await answer.text());
});

for (const name of ['stranger', 'ours', 'old'] as const) {
  const what = {
    stranger: 'whose CA only the environment names',
    ours: 'signed by this device’s own CA',
    old: 'that speaks TLS 1.1 at most',
  };
  test(`an upstream ${what[name]} is refused before one byte of the request`, async () => {
    const answer = await ask(name);
    const text = await answer.text();
    assert.equal(answer.status, 502, text);
    const body = JSON.parse(text) as { error: { message: string; type: string } };
    assert.ok(body.error.message.length > 0 && body.error.type.length > 0);
    const { intent, outcome } = await settledCall(agent, answer.headers.get('x-outpost-request-id'));
    assert.equal(intent?.provider, name);
    assert.equal(outcome?.result, 'failed');
    if (name === 'old') assert.match(outcome?.error ?? '', /^OUT_UPSTREAM_/);
    else assert.equal(outcome?.error, 'OUT_UPSTREAM_UNTRUSTED');
    assert.deepEqual([stranger.requests.length, ours.requests.length, oldHandshakes], [0, 0, 0]);
  });
}
