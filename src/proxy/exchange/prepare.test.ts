// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { providerOf } from '../../../test/fakes/attempt-request.ts';
import { NO_FACTS } from '../../../test/fakes/hub-request.ts';
import type { DialectId, Recognised } from '../dialects/dialect.ts';
import { dialectOf } from '../dialects/index.ts';
import * as translation from '../dialects/translation.ts';
import type { Provider, RouteTarget } from '../policy/policy.ts';
import type { Planned } from '../routing/routing.ts';
import type { HttpCall } from './call.ts';
import { isAddressed, isSealed, type Material, type Preparation, type Prepared, prepare } from './prepare.ts';
import { createTranslating } from './translating.ts';

const TARGETS: Readonly<Partial<Record<DialectId, string>>> = {
  'anthropic-messages': '/v1/messages',
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'bedrock-converse': '/model/m/converse',
};

function callOf(dialect: DialectId, headers: readonly string[]): HttpCall {
  return {
    kind: 'http',
    entrance: 'gateway',
    scheme: 'http',
    host: '',
    port: 80,
    method: 'POST',
    target: TARGETS[dialect] ?? '/',
    headers,
    connection: {
      id: 'c',
      peer: { family: 4, localPort: 1, remotePort: 2 },
      owner: () => Promise.resolve(undefined),
      ownerSettled: () => Promise.resolve(undefined),
    },
    gone: new AbortController().signal,
    protocol: 'http/1.1',
    body: Readable.from([]),
    hasBody: true,
    requestTrailers: () => [],
    reply: {
      started: false,
      info: () => undefined,
      head: () => undefined,
      write: () => true,
      drained: () => Promise.resolve(),
      end: () => undefined,
      abort: () => undefined,
    },
  };
}

interface Setup {
  readonly dialect?: DialectId;
  readonly from?: Provider;
  readonly to?: Provider;
  readonly model?: string;
  readonly headers?: readonly string[];
  readonly gzip?: boolean;
  /** What is known of each model. */
  readonly facts?: Partial<typeof NO_FACTS>;
}

const client = (provider: Provider): Provider => ({ ...provider, credential: { kind: 'client' } });
const ANTHROPIC = client(providerOf('anthropic'));

/** What goes out for a body of `dialect` that addresses `from`, to `to`. */
function prepared(text: string, setup: Setup = {}): Promise<Preparation> {
  const { dialect = 'anthropic-messages', from = ANTHROPIC, to = from, headers = [], gzip = false } = setup;
  const decoded = Buffer.from(text);
  const recognised: Recognised = { dialect, operation: 'generate', pathModel: undefined, pathStream: undefined };
  const call = callOf(dialect, headers);
  const facts = dialectOf(dialect).readRequest(recognised, decoded);
  const material: Material = {
    call,
    placed: {
      kind: 'govern',
      host: from.base.host,
      provider: from,
      setHeaders: [],
      inference: true,
      recognised,
      address: { host: from.base.host, providerType: from.type, path: call.target, method: 'POST' },
    },
    recognised,
    facts,
    body: gzip ? gzipSync(decoded) : decoded,
    contentLength: undefined,
    decoded,
    translating: createTranslating(translation, {
      recognised,
      facts,
      body: decoded,
      target: call.target,
      now: 0,
      fresh: () => 'fresh',
      sealed: false,
    }),
    promptTokens: 0,
    factsOf: () => ({ ...NO_FACTS, ...setup.facts }),
    setHeaders: () => [],
    answerModel: 'requested',
    now: () => 0,
    memory: {
      recall: () => Promise.resolve(undefined),
      take: () => ({ push: () => undefined, keep: () => undefined }),
    },
    googleToken: () => Promise.resolve('token'),
  };
  const target: RouteTarget = { provider: to, model: setup.model, route: undefined, weight: 1 };
  const planned: Planned = {
    n: 1,
    target,
    key: to.credential.kind === 'keys' ? to.credential.keys[0] : undefined,
    probe: false,
    retry: false,
    firstContentMs: 1,
    idleMs: 1,
  };
  return prepare(material, planned);
}

function ready(preparation: Preparation): Prepared {
  assert.equal(preparation.kind, 'ready');
  assert.ok(preparation.kind === 'ready');
  return preparation;
}

function sent({ body }: Prepared): Buffer {
  assert.ok(Buffer.isBuffer(body));
  return body;
}

const THINKING = '{"type":"thinking","thinking":"Hm.","signature":"MadeUpByOutpost0"}, ';
const history = (model: string, thinking: string) =>
  `{"model": "${model}", "messages":[{"role":"user","content":"q"},{"role":"assistant","content":[${thinking}{"type":"text","text":"a"}]},{"role":"user","content":"\\u00e9"}]}`;

test('a call that goes where it was addressed keeps its very bytes', async () => {
  const plain = ready(await prepared(history('m', '')));
  assert.equal(plain.way, 'direct');
  assert.equal(sent(plain).toString(), history('m', ''));
  const zipped = ready(await prepared(history('m', ''), { gzip: true, headers: ['Content-Encoding', 'gzip'] }));
  assert.ok(zipped.headers.includes('Content-Encoding'));
  assert.equal(gunzipSync(sent(zipped)).toString(), history('m', ''));
});

test('what an earlier translation made up is taken out on the way back, and nothing else', async () => {
  assert.equal(sent(ready(await prepared(history('m', THINKING)))).toString(), history('m', ''));
});

test('the model and the made-up parts are spliced together; what was compressed then goes as it was read', async () => {
  const setup = { model: 'a-much-longer-name', gzip: true, headers: ['Content-Encoding', 'gzip', 'X-A', '1'] };
  const { headers, ...out } = ready(await prepared(history('m', THINKING), setup));
  assert.equal(sent({ headers, ...out }).toString(), history('a-much-longer-name', ''));
  assert.ok(!headers.includes('Content-Encoding') && headers.includes('X-A'));
});

test('another host of the same dialect gets no made-up parts either', async () => {
  const other = providerOf('anthropic-compatible', {
    baseUrl: 'https://other.example',
    secrets: [{ kind: 'text', value: 'not-a-key' }],
  });
  const out = ready(await prepared(history('m', THINKING), { to: other, model: 'theirs' }));
  assert.equal(out.way, 'same');
  assert.equal(sent(out).toString(), history('theirs', ''));
});

test('a body that the caller signed itself is never edited', async () => {
  const bedrock = client(providerOf('bedrock', { placement: { region: 'eu-west-1' } }));
  const reasoning = '{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"MadeUpByOutpost0"}}},';
  const converse = (part: string) => `{"messages":[{"role":"assistant","content":[${part}{"text":"a"}]}]}`;
  const signed = ['Authorization', 'AWS4-HMAC-SHA256 Credential=not-a-key'];
  const setup = { dialect: 'bedrock-converse', from: bedrock } as const;
  const text = converse(reasoning);
  assert.equal(sent(ready(await prepared(text, { ...setup, headers: signed }))).toString(), text);
  const bearer = ['Authorization', 'Bearer not-a-key'];
  assert.equal(sent(ready(await prepared(text, { ...setup, headers: bearer }))).toString(), converse(''));
  const ours = providerOf('bedrock', { secrets: [{ kind: 'text', value: 'not-a-key' }] });
  assert.equal(isSealed({ headers: signed }, ours), false, 'our credential replaces the signature');
});

const openai = providerOf('openai', { secrets: [{ kind: 'text', value: 'not-a-key' }] });

test('a caller of another dialect is translated, and its credential stays here', async () => {
  const headers = ['X-Api-Key', 'callers-own'];
  const out = ready(await prepared(history('m', THINKING), { to: openai, model: 'theirs', headers }));
  assert.equal(out.way, 'translated');
  assert.equal(JSON.parse(sent(out).toString()).model, 'theirs');
  assert.ok(!sent(out).toString().includes('MadeUp') && !out.headers.join().includes('callers-own'));
});

test('a body that is nested beyond reason is skipped where it would have to be walked', async () => {
  const deep = (levels: number) => `${'{"properties":'.repeat(levels)}{}${'}'.repeat(levels)}`;
  const body = (levels: number) =>
    `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":${deep(levels)}}}}]}`;
  const skip = await prepared(body(4_000), { to: openai, model: 'theirs' });
  assert.deepEqual(skip, { kind: 'skip', why: { kind: 'loss', codes: ['not-understood'] } });
  assert.equal(ready(await prepared(body(400), { to: openai, model: 'theirs' })).way, 'translated');
  assert.equal(ready(await prepared(body(4_000))).way, 'direct');
});

test('the caller’s own credential goes nowhere but to the address that the caller turned to', async () => {
  const elsewhere = client(providerOf('anthropic-compatible', { baseUrl: 'https://other.example' }));
  assert.deepEqual(await prepared(history('m', ''), { to: elsewhere }), { kind: 'skip', why: { kind: 'not-allowed' } });
});

const KEYS = [{ kind: 'text', value: 'not-a-key' }] as const;
const BEDROCK: Setup = {
  to: providerOf('bedrock', { placement: { region: 'eu-west-1' }, secrets: KEYS }),
  model: 'eu.anthropic.claude-sonnet-4-20250514-v1:0',
};
const VERTEX: Setup = {
  to: providerOf('vertex', { placement: { project: 'p', location: 'eu' }, secrets: KEYS }),
  model: 'claude-sonnet-4-5',
};

test('a cloud gets the caller’s bytes without what it refuses, and that is said', async () => {
  const question = (model: string, mark: string) =>
    `{${model}"max_tokens":9, "metadata":{"user_id":"u"},"messages":[{"role":"user","content":[{"type":"text","text":"\\u00e9","cache_control":{"type":"ephemeral"${mark}}}]}]`;
  const asked = `${question('"model":"m",', ',"ttl":"1h"')},"service_tier":"standard_only"}`;
  const headers = ['anthropic-beta', 'prompt-caching-scope-2026-01-05,context-1m-2025-08-07'];
  const bedrock = ready(await prepared(asked, { ...BEDROCK, headers }));
  assert.equal(bedrock.way, 'same');
  const betas = '"anthropic_beta":["context-1m-2025-08-07"]';
  assert.equal(sent(bedrock).toString(), `${question('', '')},"anthropic_version":"bedrock-2023-05-31",${betas}}`);
  assert.deepEqual(bedrock.losses, ['service-tier', 'cache-control', 'beta']);
  const vertex = ready(await prepared(asked, { ...VERTEX, headers: headers.with(1, 'context-1m-2025-08-07') }));
  assert.equal(sent(vertex).toString(), `${question('', ',"ttl":"1h"')},"anthropic_version":"vertex-2023-10-16"}`);
  assert.deepEqual(vertex.losses, ['service-tier']);
});

test('a beta has no place in another protocol, and that is said', async () => {
  const out = ready(
    await prepared(history('m', ''), { to: openai, model: 'theirs', headers: ['anthropic-beta', 'b-1'] }),
  );
  assert.ok(out.losses.includes('beta'));
  assert.ok(!ready(await prepared(history('m', ''), { to: openai, model: 'theirs' })).losses.includes('beta'));
});

test('a cloud that would have to fetch something, or leave the region that was asked for, is skipped', async () => {
  const image =
    '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x.example/a"}}]}]}';
  const geo = '{"model":"m","max_tokens":9,"inference_geo":"eu","messages":[{"role":"user","content":"q"}]}';
  for (const cloud of [BEDROCK, VERTEX]) {
    assert.deepEqual(codesOf(await prepared(image, cloud)), ['image-url']);
    assert.deepEqual(codesOf(await prepared(geo, cloud)), ['not-understood']);
  }
});

const OPENAI = client(providerOf('openai'));
const AZURE: Provider = {
  ...providerOf('azure'),
  base: { scheme: 'https', host: 'res.openai.azure.com', port: 443, basePath: '' },
};
const responses = (more: string): string => `{"model":"gpt-5","input":[{"role":"user","content":"q"}${more}`;
const codesOf = (preparation: Preparation): readonly string[] | undefined =>
  preparation.kind === 'skip' && preparation.why.kind === 'loss' ? preparation.why.codes : undefined;

test('what one account holds is not asked of another, though it speaks the same dialect', async () => {
  const setup: Setup = { dialect: 'openai-responses', from: OPENAI, to: AZURE, model: 'gpt-5' };
  assert.deepEqual(codesOf(await prepared(responses('],"previous_response_id":"resp_1"}'), setup)), ['stored-state']);
  assert.deepEqual(codesOf(await prepared(responses('],"tools":[{"type":"web_search"}]}'), setup)), ['server-tool']);
  assert.equal(ready(await prepared(responses(']}'), setup)).way, 'same');
  // The addressed account knows its own.
  const own = { ...setup, to: OPENAI };
  assert.equal(ready(await prepared(responses('],"previous_response_id":"resp_1"}'), own)).way, 'direct');
});

test('what the model is known to lack is not asked of it, though its host speaks the same dialect', async () => {
  const setup: Setup = { dialect: 'openai-responses', from: OPENAI, to: AZURE, model: 'gpt-5' };
  const schema = '"text":{"format":{"type":"json_schema","name":"s","schema":{"type":"object"}}}';
  for (const [more, facts, code] of [
    [`],${schema}}`, { jsonSchema: false }, 'no-json-schema'],
    ['],"tools":[{"type":"function","name":"f","parameters":{}}]}', { tools: false }, 'no-tools'],
  ] as const) {
    assert.deepEqual(codesOf(await prepared(responses(more), { ...setup, facts })), [code]);
    assert.equal(ready(await prepared(responses(more), setup)).way, 'same');
    assert.equal(ready(await prepared(responses(']}'), { ...setup, facts })).way, 'same');
  }
});

test('reasoning that another account encrypted is left out, and said', async () => {
  const reasoning = ',{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"only-for-openai"}';
  const turn =
    ',{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},{"role":"user","content":"r"}]}';
  const setup: Setup = { dialect: 'openai-responses', from: OPENAI, to: AZURE, model: 'gpt-5' };
  const went = ready(await prepared(responses(reasoning + turn), setup));
  assert.equal(went.way, 'translated');
  assert.doesNotMatch(sent(went).toString(), /only-for-openai/);
  assert.ok(went.losses.includes('reasoning-dropped'));
});

test('another project of the same cloud is another address', () => {
  const vertex = (project: string): Provider => ({
    ...providerOf('vertex'),
    name: `v-${project}`,
    placement: { project, location: 'us-east5' },
  });
  assert.equal(isAddressed(vertex('a'), vertex('b')), false);
  assert.equal(isAddressed({ ...vertex('a'), name: 'w' }, vertex('a')), true);
  const base = { ...OPENAI.base, host: 'gateway.example', basePath: '/v1/account-a' };
  const one: Provider = { ...OPENAI, name: 'one', base };
  assert.equal(isAddressed(one, { ...one, name: 'two', base: { ...base, basePath: '/v1/account-b' } }), false);
});
