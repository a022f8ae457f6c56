// SPDX-License-Identifier: Apache-2.0
// Which connections the real daemon opens, which it refuses, and that it learns nothing of the others.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { Origin } from '../fakes/origin.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { findCall, tlsThrough } from './clients/kit.ts';

const GOVERNED = 'api.openai.com';
const OTHER_GOVERNED = 'api.anthropic.com';
const ELSEWHERE = '127.0.0.2';
const ORIGINS = 50;

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost', ELSEWHERE] });
const tls = { key: identity.key, cert: identity.chain };
const provider = new SimulatedProvider({ tls });
const stranger = new Origin({ tls });
let agent: Agent;

before(async () => {
  await Promise.all([provider.listen(), stranger.listen(ELSEWHERE)]);
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
network: { allow_private: ["${ELSEWHERE}:*", "localhost:*"] }
upstream: { ca_files: ["{CA}"] }
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  await Promise.all([provider.close(), stranger.close()]);
});

async function post(socket: TLSSocket, host: string, model: string): Promise<{ status: number; text: string }> {
  const req = request({
    createConnection: () => socket,
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { host, authorization: 'Bearer app-key', 'content-type': 'application/json' },
  });
  req.end(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of res) text += String(chunk);
  socket.destroy();
  return { status: res.statusCode ?? 0, text };
}

test('an address with a governed SNI is decrypted and recorded under that name', async () => {
  const from = stranger.requests.length;
  const socket = await tlsThrough(agent, `${ELSEWHERE}:${stranger.port}`, { servername: GOVERNED });
  const answer = await post(socket, `${GOVERNED}:${stranger.port}`, 'by-address');
  assert.equal(answer.status, 200, answer.text);
  const { intent } = await findCall(agent, ({ intent, outcome }) => intent?.model === 'by-address' && !!outcome);
  assert.equal(intent?.host, GOVERNED);
  assert.equal(stranger.requests.length, from);
});

/** CONNECT authority, SNI and Host; each pair that differs is misdirected. */
const MISMATCHES: readonly (readonly [string, () => string, string, string])[] = [
  ['a name that is not governed, with a governed SNI', () => `localhost:${provider.port}`, GOVERNED, GOVERNED],
  ['a governed name with another governed SNI', () => GOVERNED, OTHER_GOVERNED, OTHER_GOVERNED],
  ['a Host that is not the SNI', () => GOVERNED, GOVERNED, OTHER_GOVERNED],
];
for (const [what, authority, servername, host] of MISMATCHES) {
  test(`${what}: 421, nothing passes`, async () => {
    const before = [provider.requests.length, stranger.requests.length];
    const socket = await tlsThrough(agent, authority(), { servername });
    const answer = await post(socket, host, 'misdirected');
    assert.equal(answer.status, 421, answer.text);
    assert.deepEqual([provider.requests.length, stranger.requests.length], before);
  });
}

test('a governed name with a foreign SNI gets a TLS alert: we sign for no such name', async () => {
  await assert.rejects(
    tlsThrough(agent, GOVERNED, { servername: 'plain.example' }),
    /unrecognized name|alert number 112/,
  );
});

/** On a port that is none of the agent's: another address may be given the same number, and the agent guards its own on all of them. */
async function startElsewhere({ key, chain }: { readonly key: string; readonly chain: string }): Promise<Origin> {
  const { proxy_url, gateway_url, api_url } = agent.ready;
  const taken = [proxy_url, gateway_url, api_url].map((url) => Number(new URL(url).port));
  for (;;) {
    const origin = new Origin({ tls: { key, cert: chain } });
    await origin.listen(ELSEWHERE);
    if (!taken.includes(origin.port)) return origin;
    await origin.close();
  }
}

test(`${ORIGINS} other origins keep their certificates; none of their paths is written anywhere`, async () => {
  const strangers = await Promise.all(
    Array.from({ length: ORIGINS }, async (_, index) => {
      const own = makeTestCa();
      const leaf = own.issue({ names: [ELSEWHERE] });
      const origin = await startElsewhere(leaf);
      return { origin, own, leaf, path: `/head?private-path-${index}` };
    }),
  );
  try {
    await Promise.all(
      strangers.map(async ({ origin, own, leaf, path }) => {
        const socket = await tlsThrough(agent, `${ELSEWHERE}:${origin.port}`, {
          servername: '',
          ca: own.cert,
          // An address has no SNI; that this is the origin's own leaf is compared below.
          checkServerIdentity: () => undefined,
        });
        assert.equal(socket.getPeerX509Certificate()?.fingerprint256, leaf.x509.fingerprint256);
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${ELSEWHERE}\r\nConnection: close\r\n\r\n`);
        let text = '';
        for await (const chunk of socket) text += String(chunk);
        assert.match(text, /^HTTP\/1\.1 200 /);
        assert.deepEqual(
          origin.requests.map(({ target }) => target),
          [path],
        );
      }),
    );
  } finally {
    await Promise.all(strangers.map(({ origin }) => origin.close()));
  }
  // Everything that is ever flushed is on disk once it has stopped.
  await agent.kill('SIGTERM');
  const files = readdirSync(agent.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  assert.ok(
    texts.some((text) => text.includes('by-address')),
    'the search must be able to find something',
  );
  for (const text of [...texts, agent.log()]) assert.ok(!text.includes('private-path'));
});
