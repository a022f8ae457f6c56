// SPDX-License-Identifier: Apache-2.0
// From Anthropic's platform to Claude on Vertex with a service account: the account's assertion is exchanged for a token at a real TLS
// server, once for all calls, and the token is all that the models' host sees.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { at, text } from '../fakes/provider/json.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayBase } from '../integration/daemon-kit.ts';
import { readAnthropic } from './clients/received/anthropic.ts';

type Params = Anthropic.MessageCreateParamsNonStreaming;

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const tls = { key: identity.key, cert: identity.chain };
const primary = new SimulatedProvider({ tls, fault: { status: 529 } });
const vertex = new SimulatedProvider({ tls, keys: ['a-token-from-the-exchange'] });
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const folder = mkdtempSync(join(tmpdir(), 'outpost-vertex-'));
const forms: URLSearchParams[] = [];
let tokens: Server;
let agent: Agent;

before(async () => {
  tokens = createServer(tls, async (req, res) => {
    forms.push(new URLSearchParams(await textOf(req)));
    res.setHeader('content-type', 'application/json');
    res.end('{"access_token":"a-token-from-the-exchange","expires_in":3599,"token_type":"Bearer"}');
  });
  tokens.listen(0, '127.0.0.1');
  await Promise.all([once(tokens, 'listening'), primary.listen(), vertex.listen()]);
  const account = join(folder, 'account.json');
  writeFileSync(
    account,
    JSON.stringify({
      type: 'service_account',
      client_email: 'agent@a-project.example',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: tokenUri(),
    }),
    { mode: 0o600 },
  );
  agent = await startAgent({
    config: `providers:
  - { name: anthropic, type: anthropic, base_url: "https://localhost:${primary.port}" }
  - name: vertex
    type: vertex
    base_url: "https://localhost:${vertex.port}"
    project: a-project
    location: europe-west1
    service_account: "${account}"
routes:
  - id: claude
    model: "claude-*"
    fallbacks: [{ provider: anthropic }, { provider: vertex, model: "claude-sonnet-4-5@20250929" }]
upstream:
  ca_files: ["{CA}"]
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  tokens?.closeAllConnections();
  tokens?.close();
  await primary.close();
  await vertex.close();
  rmSync(folder, { recursive: true, force: true });
});

function tokenUri(): string {
  return `https://localhost:${(tokens.address() as AddressInfo).port}/token`;
}

test('an answer and a stream come from Vertex, with one token', async () => {
  const baseURL = `${gatewayBase(agent)}/anthropic`;
  const client = new Anthropic({ apiKey: 'callers-not-a-key', baseURL, maxRetries: 0 });
  const ask = (content: string) =>
    ({ model: 'claude-sonnet-4-5', max_tokens: 50, messages: [{ role: 'user', content }] }) satisfies Params;
  const whole = await client.messages.create(ask('hello'));
  assert.deepEqual(
    whole.content.map((block) => (block.type === 'text' ? block.text : block.type)),
    ['Simulated echo: hello'],
  );
  const streamed = await client.messages.stream(ask('again')).finalMessage();
  assert.equal(streamed.stop_reason, 'end_turn');
  assert.deepEqual(
    streamed.content.map((block) => (block.type === 'text' ? block.text : block.type)),
    ['Simulated echo: again'],
  );

  const path = '/v1/projects/a-project/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929';
  assert.deepEqual(
    vertex.requests.map(({ target }) => target),
    [`${path}:rawPredict`, `${path}:streamRawPredict`],
  );
  for (const request of vertex.requests) {
    assert.equal(request.header('authorization'), 'Bearer a-token-from-the-exchange');
    assert.doesNotMatch(request.rawHeaders.join('\n'), /callers-not-a-key|x-api-key/i);
    readAnthropic(request.json(), 'vertex');
  }
  assert.equal(primary.requests.length, 2);
});

test('the assertion is signed by the account, for this endpoint', () => {
  assert.equal(forms.length, 1, 'one exchange for both calls');
  assert.equal(forms[0]?.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [head = '', claims = '', signature = ''] = (forms[0]?.get('assertion') ?? '').split('.');
  const signed = Buffer.from(`${head}.${claims}`);
  const publicKey = createPublicKey(privateKey);
  assert.ok(verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url')));
  const told = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as unknown;
  assert.equal(text(told, 'iss'), 'agent@a-project.example');
  assert.equal(text(told, 'aud'), tokenUri());
  assert.ok(Number(at(told, 'exp')) > Date.now() / 1000);
});
