// SPDX-License-Identifier: Apache-2.0
// Unmodified SDKs in processes of their own, sent through the intercepting proxy by their environment alone, while the vendor that
// they believe to talk to fails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import type { Told } from './clients/report.ts';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const tls = { key: identity.key, cert: identity.chain };
const vendor = new SimulatedProvider({ tls });
const backup = new SimulatedProvider({ tls, keys: ['backup-not-a-key'] });
let agent: Agent;

before(async () => {
  await Promise.all([vendor.listen(), backup.listen()]);
  const first = `https://localhost:${vendor.port}`;
  const second = `https://localhost:${backup.port}`;
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${first}/v1" }
  - { name: anthropic, type: anthropic, base_url: "${first}" }
  - { name: claude, type: anthropic, base_url: "${second}", api_key: backup-not-a-key }
  - { name: gpt, type: openai, base_url: "${second}/v1", api_key: backup-not-a-key }
routes:
  - id: from-openai
    dialects: [openai-chat, openai-responses]
    fallbacks: [{ provider: openai }, { provider: claude, model: claude-sonnet-4-5 }]
  - id: from-anthropic
    dialects: [anthropic-messages]
    fallbacks: [{ provider: anthropic }, { provider: gpt, model: gpt-4.1 }]
upstream:
  ca_files: ["{CA}"]
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  await vendor.close();
  await backup.close();
});

async function runClient(name: string): Promise<Record<string, Told>> {
  const { proxy_url, ca_path } = agent.ready;
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !/proxy|base_url|^node_/i.test(variable)),
  );
  const env = { ...clean, HTTPS_PROXY: proxy_url, NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: ca_path };
  const script = fileURLToPath(new URL(`./clients/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  await once(child, 'close');
  return JSON.parse(out) as Record<string, Told>;
}

for (const { client, provider, path } of [
  { client: 'openai', provider: 'claude', path: '/v1/messages' },
  { client: 'anthropic', provider: 'gpt', path: '/v1/chat/completions' },
]) {
  test(`${client}: text, stream, tools and image from ${provider}`, async () => {
    const from = { vendor: vendor.requests.length, backup: backup.requests.length };
    // One for each of the first calls; then it is simply down, and soon not asked any more.
    vendor.script('status=529', 'error=preamble');
    vendor.misbehave('reset=head');
    const told = await runClient(client);

    assert.equal(told.text?.text, 'Simulated echo: Grüße 👋', JSON.stringify(told.text));
    assert.equal(told.text.headers?.['x-outpost-provider'], provider);
    assert.equal(told.stream?.text, 'Simulated echo: count to ten', JSON.stringify(told.stream));
    assert.ok((told.stream?.pieces ?? 0) >= 8);
    assert.equal(told.tools?.tool, 'get_weather', JSON.stringify(told.tools));
    assert.match(told.image?.text ?? '', /image of 20 bytes/);
    if (client === 'openai') assert.equal(told.responses?.text, 'Simulated echo: hello');

    const asked = vendor.requests.slice(from.vendor);
    const taken = backup.requests.slice(from.backup);
    assert.ok(asked.length >= 2, `${asked.length} calls to the vendor`);
    for (const request of asked) {
      const head = request.rawHeaders.join('\n');
      assert.match(head, /app-key/);
      assert.doesNotMatch(head, /backup-not-a-key/);
    }
    assert.ok(taken.length >= 4);
    for (const request of taken) {
      assert.equal(request.target, path);
      assert.doesNotMatch(`${request.rawHeaders.join('\n')}${request.body.toString('latin1')}`, /app-key/);
    }
  });
}
