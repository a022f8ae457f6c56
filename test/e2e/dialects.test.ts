// SPDX-License-Identifier: Apache-2.0
// Each wire protocol that no SDK test covers, once through the gateway and once intercepted: the bytes at both ends are the same,
// the rows have model and tokens, and a refusal comes in the protocol's own shape.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayToken } from '../integration/daemon-kit.ts';
import { settledCall, tlsThrough } from './clients/kit.ts';
import { startTee, type Tee } from './clients/tee.ts';

const provider = new SimulatedProvider();
let tee: Tee;
let agent: Agent;

before(async () => {
  await provider.listen();
  tee = await startTee(provider.port);
  const base = `http://127.0.0.1:${tee.port}`;
  const entry = (type: string, path = '') => `  - { name: ${type}, type: ${type}, base_url: "${base}${path}" }`;
  agent = await startAgent({
    config: `providers:
${[entry('openai', '/v1'), ...['anthropic', 'gemini', 'bedrock', 'azure', 'cohere', 'ollama'].map((type) => entry(type))].join('\n')}
models: { deny: ["forbidden-*"] }
`,
  });
});
after(async () => {
  await agent?.stop();
  await tee?.close();
  await provider.close();
});

interface Case {
  readonly segment: string;
  readonly host: string;
  /** `MODEL` stands for the model, in path or body. */
  readonly path: string;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialect: string;
  readonly answer: RegExp;
  /** What the answer says of tokens. */
  readonly tokens: readonly ('input_tokens' | 'output_tokens')[];
  readonly refusal: (body: Record<string, unknown>, headers: IncomingHttpHeaders) => unknown;
}

const BEARER = { authorization: 'Bearer app-key' };
const BOTH = ['input_tokens', 'output_tokens'] as const;
const messages = [{ role: 'user', content: 'Grüße' }];
const openaiError: Case['refusal'] = (body) => (body['error'] as { message: string; type: string }).type;
const awsError: Case['refusal'] = (body, headers) => body['message'] !== undefined && headers['x-amzn-errortype'];

const CASES: Readonly<Record<string, Case>> = {
  'Gemini stream as a JSON array': {
    segment: 'gemini',
    host: 'generativelanguage.googleapis.com',
    path: '/v1beta/models/MODEL:streamGenerateContent',
    body: { contents: [{ role: 'user', parts: [{ text: 'Grüße' }] }] },
    headers: { 'x-goog-api-key': 'app-key' },
    dialect: 'gemini',
    answer: /^\[\{/,
    tokens: BOTH,
    refusal: (body) => (body['error'] as { status: string }).status,
  },
  'Bedrock converse-stream': {
    segment: 'bedrock',
    host: 'bedrock-runtime.eu-central-1.amazonaws.com',
    path: '/model/MODEL/converse-stream',
    body: { messages: [{ role: 'user', content: [{ text: 'Grüße' }] }] },
    headers: BEARER,
    dialect: 'bedrock-converse',
    answer: /messageStop/,
    tokens: BOTH,
    refusal: awsError,
  },
  'Bedrock invoke': {
    segment: 'bedrock',
    host: 'bedrock-runtime.us-east-1.amazonaws.com',
    path: '/model/MODEL/invoke',
    body: { anthropic_version: 'bedrock-2023-05-31', max_tokens: 64, messages },
    headers: BEARER,
    dialect: 'bedrock-invoke',
    answer: /Simulated echo/,
    tokens: BOTH,
    refusal: awsError,
  },
  'Azure deployments': {
    segment: 'azure',
    host: 'resource.openai.azure.com',
    path: '/openai/deployments/MODEL/chat/completions?api-version=2024-10-21',
    body: { messages },
    headers: { 'api-key': 'app-key' },
    dialect: 'openai-chat',
    answer: /Simulated echo/,
    tokens: BOTH,
    refusal: openaiError,
  },
  'Cohere v2 stream': {
    segment: 'cohere',
    host: 'api.cohere.com',
    path: '/v2/chat',
    body: { model: 'MODEL', stream: true, messages },
    headers: BEARER,
    dialect: 'cohere-chat',
    answer: /message-end/,
    tokens: BOTH,
    refusal: (body) => typeof body['message'],
  },
  'Ollama NDJSON': {
    segment: 'ollama',
    host: 'ollama.com',
    path: '/api/chat',
    body: { model: 'MODEL', messages },
    headers: {},
    dialect: 'ollama',
    answer: /"done":true.*\n$/,
    tokens: BOTH,
    refusal: (body) => typeof body['error'],
  },
  'legacy completions': {
    segment: 'openai',
    host: 'api.openai.com',
    path: '/v1/completions',
    body: { model: 'MODEL', stream: true, stream_options: { include_usage: true }, prompt: 'Grüße' },
    headers: BEARER,
    dialect: 'openai-completions',
    answer: /data: \[DONE\]\n\n$/,
    tokens: BOTH,
    refusal: openaiError,
  },
  embeddings: {
    segment: 'openai',
    host: 'api.openai.com',
    path: '/v1/embeddings',
    body: { model: 'MODEL', input: 'Grüße', dimensions: 8 },
    headers: BEARER,
    dialect: 'openai-embeddings',
    answer: /"embedding":/,
    tokens: ['input_tokens'],
    refusal: openaiError,
  },
  count_tokens: {
    segment: 'anthropic',
    host: 'api.anthropic.com',
    path: '/v1/messages/count_tokens',
    body: { model: 'MODEL', messages },
    headers: { 'x-api-key': 'app-key' },
    dialect: 'anthropic-messages',
    answer: /"input_tokens":/,
    tokens: ['input_tokens'],
    refusal: (body) => body['type'] === 'error' && (body['error'] as { type: string }).type,
  },
};

const REFUSED: Readonly<Record<string, unknown>> = {
  gemini: 'INVALID_ARGUMENT',
  bedrock: 'ValidationException',
  azure: 'invalid_request_error',
  cohere: 'string',
  ollama: 'string',
  openai: 'invalid_request_error',
  anthropic: 'invalid_request_error',
};

interface Heard {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(way: 'gateway' | 'proxy', asked: Case, model: string): Promise<Heard & { readonly sent: Buffer }> {
  const fill = (text: string): string => text.replace('MODEL', model);
  // Spaces that a re-serialised body would not have.
  const sent = Buffer.from(fill(JSON.stringify(asked.body, undefined, 1)));
  const headers = { ...asked.headers, 'content-type': 'application/json', 'content-length': sent.length };
  let req: ClientRequest;
  if (way === 'gateway') {
    const path = `/${asked.segment}${fill(asked.path)}`;
    const place = { host: '127.0.0.1', port: agent.gatewayPort, method: 'POST', path, agent: false };
    req = request({ ...place, headers: { ...headers, ...gatewayToken(agent.dataDir) } });
  } else {
    const socket = await tlsThrough(agent, asked.host, { ALPNProtocols: ['http/1.1'] });
    const path = fill(asked.path);
    req = request({ createConnection: () => socket, method: 'POST', path, headers: { host: asked.host, ...headers } });
  }
  req.end(sent);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  req.destroy();
  return { status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks), sent };
}

/** Walks the frames of an AWS event stream; both checksums of each must hold. Returns how many there were. */
function checkEventStream(bytes: Buffer): number {
  let frames = 0;
  for (let at = 0; at < bytes.length; frames += 1) {
    const length = bytes.readUInt32BE(at);
    assert.equal(bytes.readUInt32BE(at + 8), crc32(bytes.subarray(at, at + 8)));
    assert.equal(bytes.readUInt32BE(at + length - 4), crc32(bytes.subarray(at, at + length - 4)));
    at += length;
  }
  return frames;
}

for (const way of ['gateway', 'proxy'] as const) {
  describe(`through the ${way}`, () => {
    for (const [name, asked] of Object.entries(CASES)) {
      test(`${name}: the same bytes at both ends, and rows`, async () => {
        const heard = await ask(way, asked, 'model-x');
        assert.equal(heard.status, 200, heard.body.toString('utf8'));
        assert.match(heard.body.toString('utf8'), asked.answer);
        assert.ok(heard.body.equals(tee.lastBody()), 'the answer was changed');
        const arrived = provider.requests.at(-1);
        assert.ok(arrived?.body.equals(heard.sent), 'the request was changed');
        assert.equal(arrived?.target, asked.path.replace('MODEL', 'model-x'));
        if (name === 'Bedrock converse-stream') assert.ok(checkEventStream(heard.body) > 5);
        assert.equal(heard.headers['x-outpost-provider'], asked.segment);
        const { intent, outcome } = await settledCall(agent, heard.headers['x-outpost-request-id']);
        assert.equal(intent?.model, 'model-x');
        assert.equal(intent?.dialect, asked.dialect);
        assert.equal(intent?.understood, true);
        assert.equal(outcome?.result, 'complete');
        for (const field of asked.tokens) assert.ok((outcome?.[field] ?? 0) > 0, field);
        assert.equal(outcome?.tokens_estimated, undefined);
      });

      test(`${name}: a refusal in its own shape, and nothing leaves`, async () => {
        const from = provider.requests.length;
        const heard = await ask(way, asked, 'forbidden-x');
        assert.equal(heard.status, 400);
        assert.equal(heard.headers['x-should-retry'], 'false');
        assert.match(heard.body.toString('utf8'), /does not allow this model/);
        const body = JSON.parse(heard.body.toString('utf8')) as Record<string, unknown>;
        assert.equal(asked.refusal(body, heard.headers), REFUSED[asked.segment]);
        assert.equal(provider.requests.length, from);
        const { refusal } = await settledCall(agent, heard.headers['x-outpost-request-id']);
        assert.equal(refusal?.model, 'forbidden-x');
      });
    }
  });
}
