// SPDX-License-Identifier: Apache-2.0
// The errors that we word, served to the vendors' real SDKs: each must raise its own typed error with our message.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { ApiError, GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import type { DialectId, Framing, NativeError } from './dialect.ts';
import { AwsEventStreamParser } from './framing/aws-event-stream.ts';
import { dialectOf, unknownError } from './index.ts';

const REFUSAL: NativeError = {
  status: 400,
  code: 'OUT_BLOCKED_MODEL',
  message: 'Your organisation does not allow this model. (Outpost dec_1)',
  class: 'invalid-request',
};
const BROKEN: NativeError = {
  status: 502,
  code: 'OUT_UPSTREAM_BROKEN',
  message: 'The AI provider’s answer broke off. (Outpost req_1)',
  class: 'server',
};

interface Scene {
  readonly status: number;
  readonly headers: readonly string[];
  readonly parts: readonly Buffer[];
  /** Cut the socket after the last part instead of ending the answer. */
  readonly cut: boolean;
}

let scene: Scene = { status: 500, headers: [], parts: [], cut: false };
let base = '';
const server = createServer((request, response) => {
  const { status, headers, parts, cut } = scene;
  request.resume().on('end', () => {
    response.writeHead(status, [...headers]);
    const next = (at: number) => {
      const part = parts[at];
      if (part !== undefined) response.write(part, () => setImmediate(next, at + 1));
      else if (cut) response.destroy();
      else response.end();
    };
    next(0);
  });
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function serveWhole(id: DialectId, error: NativeError): void {
  const answer = dialectOf(id).errorAnswer(error);
  scene = {
    status: error.status,
    headers: ['content-type', answer.contentType, ...answer.headers],
    parts: [answer.body],
    cut: false,
  };
}

/** `begun`: what the provider had sent before it died. */
function serveStream(id: DialectId, framing: Framing, contentType: string, begun: string): void {
  scene = {
    status: 200,
    headers: ['content-type', contentType],
    parts: [Buffer.from(begun), dialectOf(id).streamError(framing, BROKEN)],
    cut: true,
  };
}

const openai = () => new OpenAI({ apiKey: 'k', baseURL: `${base}/v1`, maxRetries: 0 });
const anthropic = () => new Anthropic({ apiKey: 'k', baseURL: base, maxRetries: 0 });
const genai = () => new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: base, retryOptions: { attempts: 1 } } });

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count++;
  return count;
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  throw new assert.AssertionError({ message: 'expected a failure' });
}

test('openai chat: a refusal is a BadRequestError with our message and code', async () => {
  serveWhole('openai-chat', REFUSAL);
  const error = await failureOf(openai().chat.completions.create({ model: 'm', messages: [] }));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.match(error.message, /does not allow this model/);
  assert.equal(error.code, 'OUT_BLOCKED_MODEL');
  assert.equal(error.type, 'invalid_request_error');
});

test('openai responses, completions, embeddings: the same', async () => {
  serveWhole('openai-responses', REFUSAL);
  assert.ok((await failureOf(openai().responses.create({ model: 'm', input: 'x' }))) instanceof OpenAI.BadRequestError);
  serveWhole('openai-completions', REFUSAL);
  assert.ok(
    (await failureOf(openai().completions.create({ model: 'm', prompt: 'x' }))) instanceof OpenAI.BadRequestError,
  );
  serveWhole('openai-embeddings', REFUSAL);
  const error = await failureOf(openai().embeddings.create({ model: 'm', input: 'x' }));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.match(error.message, /does not allow this model/);
});

test('anthropic: a refusal is a BadRequestError with our message', async () => {
  serveWhole('anthropic-messages', REFUSAL);
  const error = await failureOf(anthropic().messages.create({ model: 'm', max_tokens: 1, messages: [] }));
  assert.ok(error instanceof Anthropic.BadRequestError);
  assert.match(error.message, /does not allow this model/);
});

test('genai: a refusal is an ApiError of status 400 with our message', async () => {
  serveWhole('gemini', REFUSAL);
  const error = await failureOf(genai().models.generateContent({ model: 'm', contents: 'x' }));
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, 400);
  assert.match(error.message, /does not allow this model/);
});

const CHAT_EVENT = `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'Hi' } }] })}\n\n`;

for (const [what, begun] of [
  ['between events', CHAT_EVENT],
  ['inside a comment', `${CHAT_EVENT}: keep`],
] as const) {
  test(`openai chat: a stream that breaks ${what} makes the iterator throw our error`, async () => {
    serveStream('openai-chat', 'sse', 'text/event-stream', begun);
    const stream = await openai().chat.completions.create({ model: 'm', messages: [], stream: true });
    const error = await failureOf(drain(stream));
    assert.ok(error instanceof OpenAI.APIError, error.message);
    assert.match(error.message, /broke off/);
    assert.equal(error.code, 'OUT_UPSTREAM_BROKEN');
  });
}

test('openai chat: a stream that breaks inside an event makes the iterator throw', async () => {
  serveStream('openai-chat', 'sse', 'text/event-stream', CHAT_EVENT.slice(0, -10));
  const stream = await openai().chat.completions.create({ model: 'm', messages: [], stream: true });
  assert.ok((await failureOf(drain(stream))) instanceof Error);
});

test('openai responses: the iterator throws our error', async () => {
  const begun = `event: response.created\ndata: ${JSON.stringify({ type: 'response.created', response: {} })}\n\n`;
  serveStream('openai-responses', 'sse', 'text/event-stream', begun);
  const stream = await openai().responses.create({ model: 'm', input: 'x', stream: true });
  const error = await failureOf(drain(stream));
  assert.ok(error instanceof OpenAI.APIError);
  assert.match(error.message, /broke off/);
});

for (const [what, tail] of [
  ['between events', ''],
  ['inside an event’s name', 'event: content_blo'],
] as const) {
  test(`anthropic: a stream that breaks ${what} makes the iterator throw our error`, async () => {
    const start = { type: 'message_start', message: { id: 'm', content: [], usage: {} } };
    const begun = `event: message_start\ndata: ${JSON.stringify(start)}\n\n${tail}`;
    serveStream('anthropic-messages', 'sse', 'text/event-stream', begun);
    const stream = await anthropic().messages.create({ model: 'm', max_tokens: 1, messages: [], stream: true });
    const error = await failureOf(drain(stream));
    assert.ok(error instanceof Anthropic.APIError);
    assert.match(error.message, /broke off/);
  });
}

test('genai: the iterator throws an ApiError with our message and status', async () => {
  const begun = `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] })}\r\n\r\n`;
  serveStream('gemini', 'sse', 'text/event-stream', begun);
  const stream = await genai().models.generateContentStream({ model: 'm', contents: 'x' });
  const error = await failureOf(drain(stream));
  assert.ok(error instanceof ApiError, error.message);
  assert.equal(error.status, 502);
  assert.match(error.message, /broke off/);
});

test('gemini as JSON array: what was sent and our element are one valid document', () => {
  const bytes = dialectOf('gemini').streamError('json-array', BROKEN);
  const document = JSON.parse(`[{"candidates":[]}${bytes.toString()}`) as { error?: { code: number } }[];
  assert.equal(document[1]?.error?.code, 502);
});

test('bedrock: the kind of error is in the header, and in a stream an exception frame with valid CRCs', () => {
  const answer = dialectOf('bedrock-converse').errorAnswer(REFUSAL);
  assert.deepEqual(answer.headers, ['x-amzn-errortype', 'ValidationException']);
  assert.deepEqual(JSON.parse(answer.body.toString()), { message: REFUSAL.message });
  const frames: [Record<string, string>, unknown][] = [];
  const parser = new AwsEventStreamParser({
    frame: ({ headers, payload }) => frames.push([Object.fromEntries(headers), JSON.parse(payload.toString())]),
    skipped: () => assert.fail(),
    garbled: () => assert.fail(),
  });
  parser.push(dialectOf('bedrock-invoke').streamError('aws-event-stream', BROKEN));
  assert.deepEqual(frames, [
    [
      {
        ':message-type': 'exception',
        ':exception-type': 'internalServerException',
        ':content-type': 'application/json',
      },
      { message: BROKEN.message },
    ],
  ]);
});

test('cohere and ollama have their own shapes', () => {
  assert.deepEqual(JSON.parse(dialectOf('cohere-chat').errorAnswer(REFUSAL).body.toString()), {
    message: REFUSAL.message,
  });
  assert.deepEqual(JSON.parse(dialectOf('ollama').errorAnswer(REFUSAL).body.toString()), { error: REFUSAL.message });
  const line = dialectOf('ollama').streamError('ndjson', BROKEN).toString();
  assert.equal(line, `${JSON.stringify({ error: BROKEN.message })}\n`);
});

test('a call of no known dialect gets a neutral JSON error', () => {
  assert.deepEqual(JSON.parse(unknownError(REFUSAL).body.toString()), {
    error: { message: REFUSAL.message, type: 'invalid_request_error', code: 'OUT_BLOCKED_MODEL' },
  });
});

const FRAMINGS = ['json', 'sse', 'ndjson', 'aws-event-stream', 'json-array'] as const;
const IDS = [
  ['openai-chat', 'sse'],
  ['openai-responses', 'sse'],
  ['openai-completions', 'sse'],
  ['openai-embeddings', 'none'],
  ['anthropic-messages', 'sse'],
  ['gemini', 'sse'],
  ['bedrock-converse', 'aws-event-stream'],
  ['bedrock-invoke', 'aws-event-stream'],
  ['cohere-chat', 'sse'],
  ['cohere-embed', 'none'],
  ['ollama', 'ndjson'],
] as const;

test('what we send in-band is read as an error by our own readers, and is empty in framings without such an event', () => {
  for (const [id, own] of IDS) {
    const dialect = dialectOf(id);
    for (const framing of FRAMINGS) {
      const bytes = dialect.streamError(framing, BROKEN);
      const expected = framing === own || (id === 'gemini' && framing === 'json-array');
      assert.equal(bytes.length > 0, expected, `${id} ${framing}`);
      if (framing !== own) continue;
      const recognised = { dialect: id, operation: 'generate', pathModel: 'm', pathStream: true } as const;
      const contentType = { sse: 'text/event-stream', ndjson: 'application/x-ndjson' }[framing as 'sse' | 'ndjson'];
      const reader = dialect.readAnswer(recognised, dialect.readRequest(recognised, undefined), {
        status: 200,
        contentType: contentType ?? 'application/vnd.amazon.eventstream',
      });
      reader.push(bytes);
      assert.equal(reader.phase, 'failed', id);
      reader.end();
      assert.notEqual(reader.facts().error, undefined);
    }
  }
});
