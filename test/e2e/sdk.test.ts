// SPDX-License-Identifier: Apache-2.0
// The vendors' own SDKs, unmodified, in processes of their own, against the real daemon as a process of its own: once through
// the TLS-intercepting proxy with our certificate, once through the base URL. The upstream is the simulated provider.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Agent, runOutpost, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import type { Told } from './clients/report.ts';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost', '127.0.0.1'] });
const provider = new SimulatedProvider({ tls: { key: identity.key, cert: identity.chain } });
let agent: Agent;

before(async () => {
  await provider.listen();
  const base = `https://localhost:${provider.port}`;
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${base}/v1" }
  - { name: anthropic, type: anthropic, base_url: "${base}" }
  - { name: gemini, type: gemini, base_url: "${base}" }
models:
  deny: ["forbidden-*"]
upstream:
  ca_files: ["{CA}"]
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  await provider.close();
});

function environment(way: 'proxy' | 'gateway'): NodeJS.ProcessEnv {
  const { proxy_url, gateway_url, ca_path } = agent.ready;
  const gateway = gateway_url.replace(/\/$/, '');
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/proxy|base_url|^node_/i.test(name)),
  );
  return way === 'proxy'
    ? { ...clean, HTTPS_PROXY: proxy_url, NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: ca_path }
    : {
        ...clean,
        OPENAI_BASE_URL: `${gateway}/openai/v1`,
        ANTHROPIC_BASE_URL: `${gateway}/anthropic`,
        GOOGLE_GEMINI_BASE_URL: `${gateway}/gemini`,
      };
}

async function runClient(name: string, way: 'proxy' | 'gateway'): Promise<Record<string, Told>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`./clients/${name}.ts`, import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(way),
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  await once(child, 'close');
  return JSON.parse(out) as Record<string, Told>;
}

interface Expected {
  readonly errorStatus: number;
  readonly path: RegExp;
}

const CLIENTS: Readonly<Record<string, Expected>> = {
  openai: { errorStatus: 429, path: /\/v1\/(chat\/completions|responses|embeddings)$/ },
  anthropic: { errorStatus: 529, path: /\/v1\/messages$/ },
  google: { errorStatus: 429, path: /\/models\// },
};

for (const way of ['proxy', 'gateway'] as const) {
  describe(`through the ${way}`, () => {
    for (const [name, expected] of Object.entries(CLIENTS)) {
      test(`${name}: text, stream, tools, image, error, break, refusal, cancel`, async () => {
        const from = provider.requests.length;
        const told = await runClient(name, way);
        const seen = provider.requests.slice(from);

        assert.equal(told.text?.text, 'Simulated echo: Grüße 👋', JSON.stringify(told.text));
        assert.equal(told.stream?.text, 'Simulated echo: count to ten', JSON.stringify(told.stream));
        assert.ok((told.stream?.pieces ?? 0) >= 8);
        assert.equal(told.tools?.tool, 'get_weather', JSON.stringify(told.tools));
        assert.match(told.image?.text ?? '', /image of 20 bytes/);
        assert.equal(told.error?.error?.status, expected.errorStatus, JSON.stringify(told.error));
        assert.ok(told.broken?.error !== undefined, 'a stream that dies must not look complete');
        for (const refused of [told.refused, told.refusedStream]) {
          assert.equal(refused?.error?.status, 400, JSON.stringify(refused));
          assert.match(refused?.error?.message ?? '', /does not allow this model/);
        }
        assert.deepEqual(told.cancel, {});

        assert.ok(seen.every((request) => expected.path.test(request.target.split('?')[0] ?? '')));
        assert.ok(
          seen.every(
            (request) => !request.body.includes('forbidden-model') && !request.target.includes('forbidden-model'),
          ),
          'a refused prompt must not reach the provider',
        );
        const cancelled = await provider.waitFor(
          (request) =>
            request.serial > from && request.state === 'client-left' && /cancel me/.test(request.body.toString('utf8')),
        );
        assert.ok(cancelled.eventsSent < 400);
      });
    }
  });
}

test('answers say who answered, and the log has each call with its decision', async () => {
  const told = await runClient('openai', 'gateway');
  const headers = told.text?.headers ?? {};
  assert.equal(headers['x-outpost-provider'], 'openai');
  assert.equal(headers['x-outpost-model'], 'gpt-4o');
  const id = headers['x-outpost-request-id'] ?? '';
  const shown = await runOutpost(['audit', 'show', '--json', '--data-dir', agent.dataDir, id]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /"kind":"intent"/);
  assert.match(shown.stdout, /"kind":"outcome"/);
  assert.doesNotMatch(shown.stdout, /Grüße|app-key/);
  const verified = await runOutpost(['audit', 'verify', '--data-dir', agent.dataDir]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});
