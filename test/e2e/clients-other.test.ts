// SPDX-License-Identifier: Apache-2.0
// Clients that know nothing of AI: curl, Python's urllib and requests, Node's fetch. Each runs in an environment that is empty but
// for what `outpost env` prints, evaluated by bash as a user would.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Agent, runOutpost, startAgent } from '../fakes/agent.ts';
import { Origin } from '../fakes/origin.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { findCall } from './clients/kit.ts';

/** Loopback, but not one of the addresses that `outpost env` excepts from the proxy. */
const ELSEWHERE = '127.0.0.2';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const provider = new SimulatedProvider({ tls: { key: identity.key, cert: identity.chain } });
/** Nobody trusts it: neither the daemon nor the machine. */
const strangerCa = makeTestCa({ commonName: 'a CA of its own' });
const stranger = strangerCa.issue({ names: [ELSEWHERE] });
const origin = new Origin({ tls: { key: stranger.key, cert: stranger.chain } });
const folder = mkdtempSync(join(tmpdir(), 'outpost-clients-'));
const strangerFile = join(folder, 'stranger.pem');
let agent: Agent;

before(async () => {
  writeFileSync(strangerFile, strangerCa.cert);
  await provider.listen();
  await origin.listen(ELSEWHERE);
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
models: { deny: ["forbidden-*"] }
network: { allow_private: ["${ELSEWHERE}:*"] }
upstream: { ca_files: ["{CA}"] }
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  await provider.close();
  await origin.close();
  rmSync(folder, { recursive: true });
});

interface Told {
  readonly status?: number;
  readonly provider?: string | null;
  readonly body?: string;
  readonly error?: string;
}

interface Client {
  /** What `outpost env` is asked for. */
  readonly tool: readonly string[];
  readonly command: readonly string[];
  /** The variable that replaces the client's list of authorities. */
  readonly trust: string;
  readonly parse: (out: string) => Told;
  /** Why it cannot run on this machine. */
  readonly missing: string | undefined;
}

const script = (name: string): string => fileURLToPath(new URL(`./clients/${name}`, import.meta.url));
const fromJson = (out: string): Told => JSON.parse(out) as Told;

function fromHead(out: string): Told {
  const end = out.indexOf('\r\n\r\n');
  const status = /^HTTP\/[\d.]+ (\d{3})/.exec(out)?.[1];
  if (end < 0 || status === undefined) return { error: out };
  const named = /^x-outpost-provider: (.*)$/im.exec(out.slice(0, end))?.[1];
  return { status: Number(status), body: out.slice(end + 4), provider: named?.trim() ?? null };
}

function lacks(command: string, args: readonly string[], what: string): string | undefined {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0 ? undefined : `${what} is not installed`;
}

const CLIENTS: Readonly<Record<string, Client>> = {
  curl: {
    tool: ['--tool', 'curl'],
    command: ['bash', script('ask-curl.sh')],
    trust: 'CURL_CA_BUNDLE',
    parse: fromHead,
    missing: lacks('curl', ['--version'], 'curl'),
  },
  urllib: {
    tool: ['--tool', 'python'],
    command: ['python3', script('ask-urllib.py')],
    trust: 'SSL_CERT_FILE',
    parse: fromJson,
    missing: lacks('python3', ['-c', 'import ssl'], 'python3'),
  },
  requests: {
    tool: ['--tool', 'python'],
    command: ['python3', script('ask-requests.py')],
    trust: 'REQUESTS_CA_BUNDLE',
    parse: fromJson,
    missing: lacks('python3', ['-c', 'import requests'], 'python3 with requests'),
  },
  fetch: {
    tool: ['--tool', 'node'],
    command: [process.execPath, script('ask-fetch.ts')],
    trust: 'NODE_EXTRA_CA_CERTS',
    parse: fromJson,
    missing: undefined,
  },
};

interface Asked {
  readonly url: string;
  readonly body?: string;
  /** Replaces the client's authorities by the stranger's. */
  readonly trustStranger?: boolean;
  readonly tool?: readonly string[];
}

async function ask(
  client: Client,
  { url, body = '', trustStranger = false, tool = client.tool }: Asked,
): Promise<Told> {
  const setup = await runOutpost(['env', '--shell', 'bash', ...tool, '--data-dir', agent.dataDir]);
  assert.equal(setup.code, 0, setup.stderr);
  const child = spawn('bash', [script('with-env.sh'), url, ...client.command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      SETUP: setup.stdout,
      TRUST: trustStranger ? client.trust : '',
      FILE: strangerFile,
      BODY: body,
    },
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  await once(child, 'close');
  return client.parse(out);
}

const chat = (model: string): string => JSON.stringify({ model, messages: [{ role: 'user', content: 'Grüße' }] });

for (const [name, client] of Object.entries(CLIENTS)) {
  describe(name, { skip: client.missing ?? false }, () => {
    test('a governed call through the proxy is answered, recorded and byte-exact', async () => {
      const body = chat(`gpt-4o-${name}`);
      const told = await ask(client, { url: 'https://api.openai.com/v1/chat/completions', body });
      assert.equal(told.status, 200, JSON.stringify(told));
      assert.equal(told.provider, 'openai');
      assert.match(told.body ?? '', /Simulated echo: Grüße/);
      assert.equal(provider.requests.at(-1)?.body.toString('utf8'), body);
      const call = await findCall(agent, ({ intent, outcome }) => intent?.model === `gpt-4o-${name}` && !!outcome);
      assert.equal(call.intent?.entrance, 'intercept');
      assert.equal(call.intent?.host, 'api.openai.com');
      assert.equal(call.outcome?.result, 'complete');
      assert.ok((call.outcome?.output_tokens ?? 0) > 0);
    });

    test('a refused call is a readable 400 and does not leave', async () => {
      const from = provider.requests.length;
      const url = 'https://api.openai.com/v1/chat/completions';
      const told = await ask(client, { url, body: chat('forbidden-model') });
      assert.equal(told.status, 400, JSON.stringify(told));
      assert.match(told.body ?? '', /"error":.*does not allow this model/);
      assert.equal(provider.requests.length, from);
    });

    test('an origin that is not governed shows its own certificate', async () => {
      const url = `${origin.origin}/head?for=${name}`;
      const seen = (): number => origin.requests.filter(({ target }) => target.endsWith(`for=${name}`)).length;
      const distrusted = await ask(client, { url });
      assert.match(distrusted.error ?? '', /certificate|issuer/i, JSON.stringify(distrusted));
      assert.equal(seen(), 0);
      const tunnels = await tunnelled();
      const told = await ask(client, { url, trustStranger: true });
      assert.equal(told.status, 200, JSON.stringify(told));
      assert.equal(told.provider ?? null, null);
      assert.equal(seen(), 1);
      assert.equal(await tunnelled(), tunnels + 1, 'it must have gone through the proxy, not around it');
    });

    test('the base URL that `outpost env` sets works without a certificate', async () => {
      const tool = name === 'curl' ? [] : client.tool;
      const told = await ask(client, { url: 'BASE/chat/completions', body: chat(`gpt-4o-base-${name}`), tool });
      assert.equal(told.status, 200, JSON.stringify(told));
      assert.equal(told.provider, 'openai');
      assert.equal(provider.requests.at(-1)?.target, '/v1/chat/completions');
      const call = await findCall(agent, ({ intent, outcome }) => intent?.model === `gpt-4o-base-${name}` && !!outcome);
      assert.equal(call.intent?.entrance, 'gateway');
    });
  });
}

async function tunnelled(): Promise<number> {
  const { stdout } = await runOutpost(['status', '--json', '--data-dir', agent.dataDir]);
  return (JSON.parse(stdout) as { counters: { tunnelled: number } }).counters.tunnelled;
}
