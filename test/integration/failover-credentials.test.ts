// SPDX-License-Identifier: Apache-2.0
// Whose credential goes where along a chain. Each provider has a canary of its own for a key, the caller sends canaries in every way that
// there is; then every byte is searched that a provider, the caller, the log or the disk received.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { API_TOKEN_FILE } from '../../src/contract/data-files.ts';
import { callApi } from '../../src/proxy/commands/running.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { type Seen, send } from '../fakes/provider/client.ts';
import type { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import {
  type Bench,
  type Dialect,
  type Json,
  onDisk,
  type Question,
  question,
  receivedBy,
  receivedFrom,
  type SetPlan,
  startBench,
} from './failover-chain-kit.ts';
import { postText, rawCall } from './raw-call.ts';

/** The targets after the first: type, model, and what the configuration says beyond a key. */
const TARGETS: readonly (readonly [type: string, model: string, more?: (folder: string, id: string) => Json])[] = [
  ['anthropic', 'claude-sonnet-4-5'],
  ['gemini', 'gemini-2.5-flash'],
  ['groq', 'llama-3'],
  ['cohere', 'command-r'],
  ['mistral', 'mistral-large'],
  ['azure', 'gpt-4o', () => ({ api_version: '2024-10-21' })],
  [
    'bedrock',
    'anthropic.claude-sonnet-4-5',
    (_, id) => ({
      region: 'us-east-1',
      aws: {
        access_key_id: `canary-${id}-access`,
        secret_access_key: `canary-${id}-secret`,
        session_token: `canary-${id}-session`,
      },
    }),
  ],
  ['bedrock', 'amazon.nova-lite', () => ({ region: 'us-east-1' })],
  [
    'vertex',
    'gemini-2.5-pro',
    (folder) => ({ project: 'p', location: 'us-central1', service_account: join(folder, 'account.json') }),
  ],
  ['openai-compatible', 'local', () => ({ api_key: 'none' })],
  ['openai', 'gpt-4o-mini'],
];
/** What a caller of each dialect addresses. */
const CALLERS: readonly (readonly [Dialect, string])[] = [
  ['chat', 'openai'],
  ['messages', 'anthropic'],
  ['gemini', 'gemini'],
  ['responses', 'openai'],
  ['converse', 'bedrock'],
];

const FROM_CALLER = {
  authorization: 'Bearer canary-caller-authorization',
  'x-api-key': 'canary-caller-x-api-key',
  'api-key': 'canary-caller-api-key',
  'x-goog-api-key': 'canary-caller-x-goog-api-key',
  cookie: 'session=canary-caller-cookie',
  'openai-organization': 'canary-caller-organisation',
  'x-amz-security-token': 'canary-caller-aws',
  'x-custom-auth': 'canary-caller-custom',
};
/** Gemini's query is alt=sse for streams; whole answers have none. */
const keyInQuery = (stream: boolean, dialect: Dialect): string =>
  `${stream && dialect === 'gemini' ? '&' : '?'}key=canary-caller-query`;

const TOKEN = 'canary-google-token';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const ca = makeTestCa();
const leaf = ca.issue({ names: ['127.0.0.1'] });
const tokenRequests: string[] = [];
const tokenServer = createServer({ key: leaf.key, cert: leaf.chain }, (request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.once('end', () => {
    tokenRequests.push(`${request.rawHeaders.join('\n')}\n${body}`);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: TOKEN, expires_in: 3_600, token_type: 'Bearer' }));
  });
});

/** Says that every prompt is too long. */
const refuser = createPlainServer((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: 'too long', code: 'context_length_exceeded' } }));
  });
});

const folder = mkdtempSync(join(tmpdir(), 'outpost-account-'));
const clients: Seen[] = [];
let bench: Bench;

/** For a caller of this dialect: whose first provider takes the caller's own credential (`client-…`), or a key of ours (`ours-…`). */
const setOf = (kind: 'client' | 'ours', dialect: Dialect): string => `${kind}-${dialect}`;

before(async () => {
  tokenServer.listen(0, '127.0.0.1');
  await once(tokenServer, 'listening');
  refuser.listen(0, '127.0.0.1');
  await once(refuser, 'listening');
  const refusing = {
    base_url: `http://127.0.0.1:${(refuser.address() as AddressInfo).port}/v1`,
    api_key: 'client',
    hosts: ['long.test'],
  };
  const account = {
    client_email: 'svc@project.example',
    private_key: pem,
    token_uri: `https://127.0.0.1:${(tokenServer.address() as AddressInfo).port}/token`,
  };
  writeFileSync(join(folder, 'account.json'), JSON.stringify(account));
  const sets: Record<string, SetPlan> = {};
  for (const [dialect, type] of CALLERS) {
    for (const kind of ['client', 'ours'] as const) {
      const id = setOf(kind, dialect);
      const first: Json = kind === 'client' ? { api_key: 'client' } : { api_key: `canary-${id}-1` };
      const others = TARGETS.map(([, , more], at): Json => {
        const canary = `${id}-${at + 2}`;
        const said = more?.(folder, canary) ?? {};
        return 'aws' in said || 'api_key' in said || 'service_account' in said
          ? said
          : { api_key: `canary-${canary}`, ...said };
      });
      sets[id] = {
        types: [type, ...TARGETS.map(([type]) => type)],
        providers: [first, ...others],
        route: {
          fallbacks: [
            { provider: `${id}-1` },
            ...TARGETS.map(([, model], at) => ({ provider: `${id}-${at + 2}`, model })),
          ],
        },
      };
    }
  }
  sets['stranger'] = {
    types: ['openai', 'openai', 'anthropic', 'openai'],
    providers: [{ api_key: 'client' }, { api_key: 'client' }, { api_key: 'client' }, { api_key: 'canary-stranger-4' }],
  };
  sets['later'] = { types: ['openai', 'openai'], providers: [{}, { api_key: 'client' }] };
  sets['long'] = {
    types: ['openai', 'openai', 'groq'],
    providers: [refusing, { api_key: 'client' }, {}],
    route: { fallbacks: [{ provider: 'long-1' }], on_context_length: [{ provider: 'long-2' }, { provider: 'long-3' }] },
  };
  bench = await startBench(
    sets,
    {
      hosts: [{ host: 'long.test', action: 'govern' }],
      upstream: { ca_files: ['{CA}'] },
      routing: {
        attempts: 16,
        affinity: { enabled: false },
        retry: { transient: 0, overload: 0 },
        breaker: { failures: 100, failure_ratio: 1, window: 1_000, window_min: 1_000 },
        rate_limit: { default_ms: 100, max_ms: 100 },
      },
    },
    { upstreamCa: ca.cert },
  );
});
after(async () => {
  await bench?.stop();
  tokenServer.closeAllConnections();
  tokenServer.close();
  refuser.closeAllConnections();
  refuser.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(id: string, asked: Question): Promise<Seen> {
  const dialect = asked.dialect ?? 'chat';
  const seen = await bench.ask(id, {
    headers: FROM_CALLER,
    query: keyInQuery(asked.stream ?? false, dialect),
    ...asked,
  });
  clients.push(seen);
  return seen;
}

/** Canaries in a text, each once. */
const canariesIn = (text: string): string[] => [...new Set(text.match(/canary-[\w-]+/g) ?? [])].sort();

/** What each provider of a set may see, in order. */
function own(id: string, kind: 'client' | 'ours'): (string | readonly string[])[] {
  return [
    kind === 'client' ? 'the caller’s' : [`canary-${id}-1`],
    ...TARGETS.map(([type, , more], at) => {
      const canary = `canary-${id}-${at + 2}`;
      const said = more?.(folder, `${id}-${at + 2}`) ?? {};
      // Of AWS keys the secret itself never leaves.
      if ('aws' in said) return [`${canary}-access`, `${canary}-session`];
      if (type === 'vertex') return [TOKEN];
      return 'api_key' in said ? [] : [canary];
    }),
  ];
}

function assertOwn(servers: readonly SimulatedProvider[], id: string, kind: 'client' | 'ours'): void {
  const expected = own(id, kind);
  for (const [at, server] of servers.entries()) {
    const seen = canariesIn(receivedBy(server));
    const wanted = expected[at] ?? [];
    if (typeof wanted === 'string') {
      assert.ok(seen.length > 0 && seen.every((canary) => canary.startsWith('canary-caller-')), `${id}-1: ${seen}`);
    } else if (at === 0) {
      // A header that no rule knows as a credential is the addressed provider's to see.
      assert.deepEqual(seen, ['canary-caller-custom', ...wanted].sort(), `${id}-1`);
    } else assert.deepEqual(seen, [...wanted].sort(), `${id}-${at + 1}`);
  }
}

for (const [dialect] of CALLERS) {
  for (const kind of ['client', 'ours'] as const) {
    const id = setOf(kind, dialect);
    test(`${dialect} with ${kind === 'client' ? 'the caller’s own key' : 'a key of ours'} first, along a chain of twelve`, async () => {
      const servers = bench.of(id);
      for (const stream of [false, true]) {
        // A refused key is out for long: that comes in the second round only.
        const faults = stream
          ? ['status=500', 'error=preamble', 'reset=head', 'status=401', 'truncate=preamble']
          : ['status=500', 'empty', 'close', 'status=503', 'html'];
        for (const [at, server] of servers.slice(0, -1).entries()) server.misbehave(faults[at % faults.length] ?? '');
        const seen = await ask(id, { dialect, stream });
        assert.equal(seen.status, 200, seen.body.toString());
        assert.equal(seen.headers['x-outpost-provider'], `${id}-12`, JSON.stringify(seen.headers));
        assert.equal(seen.headers['x-outpost-attempts'], '12');
      }
      assert.deepEqual(bench.counts(id), [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
      // And all of them fail.
      for (const server of servers) server.misbehave('status=500');
      assert.notEqual((await ask(id, { dialect })).status, 200);
      assertOwn(servers, id, kind);
    });
  }
}

test('a target with the caller’s own key is used for the addressed provider only', async () => {
  const [first] = bench.of('stranger');
  first.misbehave('status=500');
  const seen = await ask('stranger', {});
  assert.equal(seen.headers['x-outpost-provider'], 'stranger-4');
  assert.deepEqual(bench.counts('stranger'), [1, 0, 0, 1]);
  // Addressed itself, it is; the one before it is not.
  const second = await ask('stranger', { addressed: 1 });
  assert.equal(second.headers['x-outpost-provider'], 'stranger-2');
  assert.deepEqual(bench.counts('stranger'), [1, 1, 0, 1]);
  const last = bench.of('stranger')[3];
  assert.ok(last !== undefined);
  assert.deepEqual(canariesIn(receivedBy(last)), ['canary-stranger-4']);
});

test('as the last of a chain it gets the caller’s key, and the first does not', async () => {
  const [first, second] = bench.of('later');
  first.misbehave('status=500');
  // Nobody else may be asked: then it is no chain, and the error the provider’s own.
  assert.equal((await ask('later', { addressed: 0 })).status, 500);
  assert.equal(second.requests.length, 0);
  assert.equal((await ask('later', { addressed: 1 })).headers['x-outpost-provider'], 'later-2');
  assert.doesNotMatch(receivedBy(first).replaceAll('canary-caller-custom', ''), /canary-caller/);
  assert.match(receivedBy(second), /canary-caller-authorization/);
  assert.doesNotMatch(receivedBy(second), /key-later-1/);
});

describe('a chain for prompts that are too long', () => {
  test('passes a stranger with the caller’s own key by', async () => {
    assert.equal((await ask('long', {})).headers['x-outpost-provider'], 'long-3');
    assert.deepEqual(bench.counts('long'), [0, 0, 1]);
    assert.deepEqual(canariesIn(receivedBy(bench.of('long')[2] ?? bench.of('long')[0])), []);
  });

  test('spends no key of ours for a web page of another site', async () => {
    const { path, body } = question('m-long', {});
    const through = (site: string): string =>
      postText(bench.agent.proxyPort, `http://long.test${path}`, body, { 'sec-fetch-site': site }).replace(
        /^Host: .*$/m,
        'Host: long.test',
      );
    for (const [site, wanted, calls] of [
      ['cross-site', /^HTTP\/1\.1 400 [\s\S]*context_length_exceeded/, 1],
      ['same-origin', /^HTTP\/1\.1 200 [\s\S]*x-outpost-provider: long-3/, 2],
    ] as const) {
      const call = rawCall(bench.agent.proxyPort, through(site));
      await call.ended;
      assert.match(call.text(), wanted);
      assert.deepEqual(bench.counts('long'), [0, 0, calls]);
    }
  });
});

describe('afterwards', () => {
  /** A line of the key, not of the file's frame: the agent has a private key of its own. */
  const lineOfKey = pem.split('\n')[1] ?? '';
  const secretsIn = (text: string): string[] => [
    ...canariesIn(text),
    ...[lineOfKey, 'key-later-1'].filter((secret) => text.includes(secret)),
  ];
  test('no answer to a caller held any of it', () => {
    assert.ok(clients.length > 30);
    assert.equal(lineOfKey.length, 64);
    for (const seen of clients) assert.deepEqual(secretsIn(receivedFrom(seen)), []);
  });

  test('the service account’s key went nowhere; its assertion went to the token endpoint alone, once', () => {
    assert.equal(tokenRequests.length, 1);
    assert.deepEqual(secretsIn(tokenRequests.join('\n')), []);
    const assertion = new URLSearchParams(tokenRequests[0]?.split('\n').at(-1)).get('assertion') ?? '';
    assert.match(assertion, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    for (const [dialect] of CALLERS) {
      for (const server of bench.of(setOf('client', dialect))) assert.ok(!receivedBy(server).includes(assertion));
    }
  });

  test('nor does it stand in the log, in rows, in files, in the state or in the metrics', async () => {
    const { agent } = bench;
    const state = await callApi(agent.dataDir, agent.ready, 'GET', '/v1/state');
    const token = onDisk(agent.dataDir).match(new RegExp(`${API_TOKEN_FILE}\\n([^\\n]+)`))?.[1] ?? '';
    const metrics = await send({
      url: `${agent.ready.api_url}/metrics`,
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(metrics.status, 200);
    assert.match(metrics.body.toString(), /client-chat-2/);
    for (const text of [JSON.stringify(state), metrics.body.toString()]) assert.deepEqual(secretsIn(text), []);
    // What it says and writes is all there when it has ended.
    await bench.restart();
    assert.match(agent.log(), /client-chat-2/);
    assert.deepEqual(secretsIn(agent.log()), []);
    assert.deepEqual(secretsIn(onDisk(agent.dataDir)), []);
    assert.match(onDisk(agent.dataDir), /client-chat-2/);
  });
});
