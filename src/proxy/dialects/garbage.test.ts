// SPDX-License-Identifier: Apache-2.0
// Hostile and broken input: nothing throws, nothing is believed that is no figure or word.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import { ANSWERS } from '../../../test/fixtures/dialects/answers.ts';
import type { AnswerHead, DialectId, Framing, Recognised } from './dialect.ts';
import { dialectOf } from './index.ts';
import { createFrameReader, readClientFrame } from './openai-responses/frames.ts';

const IDS: readonly DialectId[] = [
  'openai-chat',
  'openai-responses',
  'openai-completions',
  'openai-embeddings',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'bedrock-invoke',
  'cohere-chat',
  'cohere-embed',
  'ollama',
];
const TYPES: Readonly<Record<Framing, string>> = {
  json: 'application/json',
  sse: 'text/event-stream',
  ndjson: 'application/x-ndjson',
  'aws-event-stream': 'application/vnd.amazon.eventstream',
  'json-array': 'application/json',
};
const OPERATIONS = ['generate', 'count-tokens', 'embed'] as const;

const phases = new Set(['holding', 'content', 'failed', 'done']);

function feed(recognised: Recognised, request: Buffer | undefined, head: AnswerHead, answer: Uint8Array): void {
  const dialect = dialectOf(recognised.dialect);
  const facts = dialect.readRequest(recognised, request);
  for (const { start, end } of facts.textSpans()) assert.ok(start < end);
  assert.ok(facts.model === undefined || facts.model.length <= 256);
  const reader = dialect.readAnswer(recognised, facts, head);
  reader.push(answer);
  reader.end();
  assert.ok(phases.has(reader.phase));
  const { usage, model, responseId, stopRaw, error } = reader.facts();
  for (const count of Object.values(usage))
    assert.ok(count === undefined || (Number.isSafeInteger(count) && count >= 0));
  for (const word of [model, responseId, stopRaw, error?.code])
    assert.ok(word === undefined || /^[\x21-\x7e]{1,256}$/.test(word));
}

/** Every dialect, operation and framing over the same bytes. */
function everywhere(bytes: Buffer, statuses: readonly number[] = [200]): void {
  for (const dialect of IDS) {
    for (const operation of OPERATIONS) {
      for (const contentType of Object.values(TYPES)) {
        for (const status of statuses) {
          const recognised = { dialect, operation, pathModel: undefined, pathStream: true };
          feed(recognised, bytes, { status, contentType }, bytes);
        }
      }
    }
  }
}

test('random bytes', () => {
  const next = seeded(7);
  for (let round = 0; round < 60; round++) {
    everywhere(
      Buffer.from(Array.from({ length: Math.floor(next() * 300) }, () => Math.floor(next() * 256))),
      [200, 400],
    );
  }
});

/** Has no text form: `String` of it throws. */
const NO_PRIMITIVE = { toString: 1, valueOf: 1 };

/** The same value with every member replaced by something of another type, one at a time. */
function* damaged(value: unknown): Generator<unknown> {
  const odd: readonly unknown[] = [
    null,
    true,
    1e308,
    -1,
    0.5,
    '',
    'x',
    [],
    {},
    [null],
    [[[]]],
    { __proto__: null, constructor: 1 },
    NO_PRIMITIVE,
  ];
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const copy = (other: unknown) =>
      Array.isArray(value) ? Object.assign([...value], { [key]: other }) : { ...value, [key]: other };
    for (const other of odd) yield copy(other);
    for (const inner of damaged((value as Record<string, unknown>)[key])) yield copy(inner);
  }
}

for (const fixture of ANSWERS) {
  if (fixture.head.contentType === 'application/vnd.amazon.eventstream') continue; // its JSON is in the other fixtures
  test(`${fixture.name}: wrong types everywhere`, () => {
    let count = 0;
    for (const piece of fixture.pieces) {
      const text = piece.toString();
      const at = text.indexOf('{');
      const json = text.slice(at, text.lastIndexOf('}') + 1);
      if (at < 0) continue;
      for (const value of damaged(JSON.parse(json))) {
        count++;
        const bytes = Buffer.from(text.replace(json, () => JSON.stringify(value)));
        feed(fixture.recognised, Buffer.from(JSON.stringify(value)), fixture.head, bytes);
        feed(
          fixture.recognised,
          undefined,
          { status: 200, contentType: 'application/json' },
          Buffer.from(JSON.stringify(value)),
        );
      }
    }
    assert.ok(count > 20, String(count));
  });
}

const REQUESTS = {
  model: 'm',
  stream: true,
  system: [{ text: 's' }],
  systemInstruction: { parts: [{ text: 's' }] },
  messages: [
    {
      role: 'user',
      content: [{ type: 'text', text: 'x', source: { type: 'text', data: 'd' } }],
      tool_calls: [{ function: { arguments: '{}' } }],
    },
  ],
  contents: [{ role: 'user', parts: [{ text: 'x', functionCall: { args: { a: 1 } } }] }],
  input: [
    { type: 'message', content: [{ text: 'x' }], output: [{ text: 'y' }], tools: [{ type: 'namespace', tools: [] }] },
  ],
  tools: [{ name: 'a', function: { name: 'b' }, functionDeclarations: [{ name: 'c' }] }],
  toolConfig: { tools: [{ toolSpec: { name: 'd' } }] },
  requests: [{ content: { parts: [{ text: 'x' }] } }],
  prompt: ['x'],
  texts: ['x'],
};

test('requests with wrong types everywhere, in every dialect', () => {
  let count = 0;
  for (const value of damaged(REQUESTS)) {
    const body = Buffer.from(JSON.stringify(value));
    for (const dialect of IDS) {
      count++;
      const facts = dialectOf(dialect).readRequest(
        { dialect, operation: 'generate', pathModel: undefined, pathStream: undefined },
        body,
      );
      for (const { start, end } of facts.textSpans())
        assert.equal(typeof JSON.parse(body.toString('utf8', start, end)), 'string');
      readClientFrame(body);
    }
  }
  assert.ok(count > 3000, String(count));
});

test('__proto__ and constructor keys, huge numbers, truncated JSON, deep nesting', () => {
  for (const text of [
    '{"__proto__":{"model":"x","choices":[]},"constructor":{"prototype":1}}',
    '{"usage":{"prompt_tokens":1e999,"completion_tokens":-5},"choices":[{"index":1e300,"finish_reason":"__proto__"}]}',
    '{"type":"message_delta","delta":{"stop_reason":"constructor"},"usage":{"output_tokens":99999999999999999999}}',
    '{"choices":[{"delta":{"content":"',
    `${'['.repeat(100_000)}`,
    `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    `{"messages":[{"content":${'['.repeat(500)}"x"${']'.repeat(500)}}],"model":"m"}`,
  ]) {
    everywhere(Buffer.from(text), [200, 400, 500]);
    everywhere(Buffer.from(`data: ${text}\n\n`));
  }
});

test('stop words and reasons that have no text form', () => {
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  for (const word of [JSON.stringify(NO_PRIMITIVE), deep]) {
    for (const text of [
      `{"promptFeedback":{"blockReason":${word}}}`,
      `{"type":"message-end","delta":{"error":"x","finish_reason":${word}}}`,
      `{"type":${word},"error":{"code":${word},"type":${word},"status":${word},"message":${word},"details":[${word}]}}`,
      `{"choices":[{"index":${word},"finish_reason":${word}}],"usage":${word},"id":${word},"model":${word}}`,
    ]) {
      everywhere(Buffer.from(text), [200, 429]);
      everywhere(Buffer.from(`data: ${text}\n\n`));
    }
  }
});

test('a whole answer in one-byte pieces takes little more memory than its bytes', () => {
  const recognised = {
    dialect: 'openai-chat',
    operation: 'generate',
    pathModel: undefined,
    pathStream: false,
  } as const;
  const { readRequest, readAnswer } = dialectOf('openai-chat');
  const reader = readAnswer(recognised, readRequest(recognised, undefined), { status: 200, contentType: TYPES.json });
  const held = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = held();
  const piece = Buffer.from('x');
  for (let count = 0; count < 2_000_000; count++) reader.push(piece);
  assert.ok(held() - before < 64 * 1024 * 1024, `${held() - before} bytes`);
  assert.equal(reader.phase, 'holding');
});

test('WebSocket messages of any kind', () => {
  const reader = createFrameReader();
  for (const text of [
    '',
    'null',
    '[]',
    '{"type":5}',
    '{"type":"response.completed"}',
    '\u0000',
    '{"type":"response.failed","response":null}',
  ]) {
    reader.push(Buffer.from(text));
    readClientFrame(Buffer.from(text));
  }
  reader.end();
  assert.ok(phases.has(reader.phase));
});
