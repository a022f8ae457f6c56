// SPDX-License-Identifier: Apache-2.0
// What must not be mistaken for content, an end, or an error: Anthropic, Google, AWS and the rest, and answers of no dialect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { document, JSON_HEAD, open, phases, SSE, usageOf } from '../../../test/fixtures/dialects/read.ts';
import type { DialectId } from './dialect.ts';
import { encodeAwsFrame } from './framing/aws-event-stream.ts';

test('Anthropic: error events before and after content', () => {
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const early = open('anthropic-messages', SSE);
  assert.deepEqual(phases(early, { type: 'message_start', message: {} }, { type: 'ping' }, error), [
    'holding',
    'holding',
    'failed',
  ]);
  assert.deepEqual(early.facts().error, { class: 'overloaded', code: 'overloaded_error' });
  const late = open('anthropic-messages', SSE);
  phases(late, { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x' } }, error);
  assert.deepEqual([late.phase, late.contentSeen, late.facts().error?.class], ['done', true, 'overloaded']);
});

test('Anthropic: a stop reason without message_stop is no end', () => {
  const reader = open('anthropic-messages', SSE);
  phases(
    reader,
    { type: 'content_block_delta', delta: { text: 'x' } },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
  );
  reader.end();
  assert.equal(reader.phase, 'content');
});

test('Anthropic: usage that only message_delta has, and zeros there, do not lose counts', () => {
  const reader = open('anthropic-messages', SSE);
  phases(
    reader,
    { type: 'message_start', message: { usage: { input_tokens: 12, output_tokens: 1 } } },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 0, cache_read_input_tokens: 5, output_tokens: 9 },
    },
    { type: 'message_stop' },
  );
  assert.deepEqual(usageOf(reader.facts()), [17, 9, 5, undefined, undefined]);
});

test('Anthropic: a ping that comes first is held like any other lifecycle event', () => {
  const reader = open('anthropic-messages', SSE);
  assert.deepEqual(phases(reader, { type: 'ping' }, { type: 'content_block_stop' }), ['holding', 'holding']);
});

test('an empty answer with a normal end is an answer', () => {
  const reader = open('anthropic-messages', SSE);
  phases(reader, { type: 'message_start', message: {} }, { type: 'message_stop' });
  assert.deepEqual([reader.phase, reader.contentSeen, reader.deltas], ['done', true, 0]);
});

test('an unknown event of a known dialect is a lifecycle event', () => {
  const reader = open('anthropic-messages', SSE);
  assert.deepEqual(phases(reader, { type: 'message_start', message: {} }, { type: 'brand_new' }), [
    'holding',
    'holding',
  ]);
  assert.equal(reader.facts().understood, true);
});

test('Gemini: a blocked prompt is a normal end with a filter stop', () => {
  const reader = open('gemini', SSE);
  assert.deepEqual(phases(reader, { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }), ['done']);
  assert.deepEqual([reader.facts().stop, reader.facts().stopRaw], ['content-filter', 'PROHIBITED_CONTENT']);
});

test('Gemini: usage after the finish reason is still read; a signature alone is no content', () => {
  const reader = open('gemini', SSE);
  assert.deepEqual(
    phases(
      reader,
      { candidates: [{ content: { parts: [{ text: '', thoughtSignature: 'A' }] } }] },
      { candidates: [{ finishReason: 'STOP' }] },
      { usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2 } },
    ),
    ['holding', 'done', 'done'],
  );
  assert.deepEqual(usageOf(reader.facts()).slice(0, 2), [4, 2]);
});

test('Gemini: an error as element of the array, and as SSE', () => {
  const error = { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } };
  const array = open('gemini', JSON_HEAD);
  array.push(Buffer.from(`[${JSON.stringify(error)}]`));
  assert.deepEqual([array.phase, array.facts().error?.class], ['failed', 'overloaded']);
  assert.deepEqual(phases(open('gemini', SSE), error), ['failed']);
});

test('Converse: metadata ends the stream; without it the socket’s clean end does, and an exception fails it', () => {
  const frame = (name: string, payload: unknown, kind = 'event') =>
    encodeAwsFrame(
      [
        [':message-type', kind],
        [kind === 'event' ? ':event-type' : ':exception-type', name],
      ],
      Buffer.from(JSON.stringify(payload)),
    );
  const head = { status: 200, contentType: 'application/vnd.amazon.eventstream' };
  const reader = open('bedrock-converse', head);
  reader.push(frame('contentBlockDelta', { delta: { text: 'x' } }));
  reader.push(frame('messageStop', { stopReason: 'tool_use' }));
  assert.equal(reader.phase, 'content');
  reader.end();
  assert.deepEqual([reader.phase, reader.facts().stop], ['done', 'tool-use']);
  const failing = open('bedrock-converse', head);
  failing.push(frame('throttlingException', { message: 'slow' }, 'exception'));
  assert.deepEqual(
    [failing.phase, failing.facts().error],
    ['failed', { class: 'rate-limit', code: 'throttlingException' }],
  );
});

test('a broken CRC stops the reading, and no end is judged after it', () => {
  const bytes = encodeAwsFrame(
    [
      [':message-type', 'event'],
      [':event-type', 'messageStart'],
    ],
    Buffer.from('{}'),
  );
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const reader = open('bedrock-converse', { status: 200, contentType: 'application/vnd.amazon.eventstream' });
  reader.push(bytes);
  assert.deepEqual([reader.phase, reader.facts().understood], ['content', false]);
  reader.end();
  assert.equal(reader.phase, 'done');
});

test('Bedrock invoke: token counts come in headers', () => {
  const counts: Record<string, string> = {
    'x-amzn-bedrock-input-token-count': '21',
    'x-amzn-bedrock-output-token-count': '4',
  };
  const head = { ...JSON_HEAD, header: (name: string) => counts[name] };
  const reader = document('bedrock-invoke', { results: [{ outputText: 'hi', completionReason: 'FINISH' }] }, head);
  assert.deepEqual(
    [reader.phase, reader.facts().stop, ...usageOf(reader.facts()).slice(0, 2)],
    ['done', 'stop', 21, 4],
  );
  const embedding = document('bedrock-invoke', { embedding: [1] }, head, { operation: 'embed' });
  assert.deepEqual([embedding.phase, embedding.contentSeen, embedding.facts().usage.input], ['done', false, 21]);
});

test('Ollama: an error line, and tool calls', () => {
  const ndjson = { status: 200, contentType: 'application/x-ndjson' };
  const failing = open('ollama', ndjson);
  failing.push(Buffer.from('{"error":"model runner has died"}\n'));
  assert.equal(failing.phase, 'failed');
  const calling = open('ollama', ndjson);
  calling.push(
    Buffer.from(
      '{"message":{"tool_calls":[{"function":{"name":"f"}}]},"done":false}\n{"done":true,"done_reason":"stop"}',
    ),
  );
  assert.equal(calling.phase, 'content');
  calling.end();
  assert.deepEqual([calling.phase, calling.facts().stop], ['done', 'tool-use']);
});

test('Ollama: lines are followed under each type that servers give them', () => {
  for (const type of ['x-ndjson', 'ndjson', 'jsonl', 'json', 'octet-stream']) {
    const reader = open('ollama', { status: 200, contentType: `application/${type}` });
    reader.push(Buffer.from('{"message":{"content":"x"},"done":false}\n'));
    assert.deepEqual([reader.framing, reader.phase], ['ndjson', 'content'], type);
  }
});

test('Cohere: message-end with ERROR fails', () => {
  const reader = open('cohere-chat', SSE);
  phases(
    reader,
    { type: 'message-start', id: 'x' },
    { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'boom' } },
  );
  assert.equal(reader.phase, 'failed');
  assert.deepEqual(reader.facts().error, { class: 'server', code: 'ERROR' });
});

test('embeddings and token counts end without content', () => {
  const embed = document(
    'openai-embeddings',
    { data: [], model: 'e', usage: { prompt_tokens: 5, total_tokens: 5 } },
    JSON_HEAD,
    { operation: 'embed' },
  );
  assert.deepEqual([embed.phase, embed.contentSeen, embed.facts().usage.input], ['done', false, 5]);
  for (const [id, body] of [
    ['anthropic-messages', { input_tokens: 5 }],
    ['gemini', { totalTokens: 5 }],
    ['bedrock-converse', { inputTokens: 5 }],
    ['openai-responses', { object: 'response.input_tokens', input_tokens: 5 }],
  ] as const) {
    const count = document(id, body, JSON_HEAD, { operation: 'count-tokens' });
    assert.deepEqual([count.phase, count.contentSeen, count.facts().usage.input], ['done', false, 5], id);
  }
});

test('whole answers: content, usage and stop', () => {
  const rows: readonly (readonly [DialectId, unknown, string])[] = [
    [
      'openai-chat',
      {
        id: 'i',
        model: 'm',
        choices: [{ message: { tool_calls: [{ function: { name: 'f' } }] }, finish_reason: 'tool_calls' }],
      },
      'tool-use',
    ],
    ['openai-completions', { id: 'i', model: 'm', choices: [{ text: 'x', finish_reason: 'stop' }] }, 'stop'],
    [
      'openai-responses',
      { id: 'i', model: 'm', status: 'completed', error: null, output: [{ type: 'function_call' }] },
      'tool-use',
    ],
    [
      'anthropic-messages',
      { type: 'message', id: 'i', model: 'm', content: [{ type: 'text', text: 'x' }], stop_reason: 'pause_turn' },
      'pause',
    ],
    [
      'gemini',
      {
        responseId: 'i',
        modelVersion: 'm',
        candidates: [{ content: { parts: [{ text: 'x' }] }, finishReason: 'SAFETY' }],
      },
      'content-filter',
    ],
    [
      'bedrock-converse',
      { output: { message: { content: [{ text: 'x' }] } }, stopReason: 'guardrail_intervened' },
      'content-filter',
    ],
    [
      'cohere-chat',
      { id: 'i', message: { content: [{ type: 'text', text: 'x' }] }, finish_reason: 'TOOL_CALL' },
      'tool-use',
    ],
    ['ollama', { model: 'm', message: { content: 'x' }, done: true, done_reason: 'length' }, 'length'],
  ];
  for (const [id, body, stop] of rows) {
    const reader = document(id, body, JSON_HEAD, { pathStream: false });
    assert.deepEqual(
      [reader.phase, reader.contentSeen, reader.facts().understood, reader.facts().stop],
      ['done', true, true, stop],
      id,
    );
  }
});

test('a byte order mark in front of a document is skipped', () => {
  const reader = document('openai-chat', '\ufeff{"choices":[{"text":"x","finish_reason":"stop"}]}');
  assert.deepEqual([reader.phase, reader.facts().understood], ['done', true]);
});

test('an error body beyond 256 KiB is classified by its status alone', () => {
  const error = (size: number) =>
    document(
      'openai-chat',
      { error: { code: 'insufficient_quota', message: 'x'.repeat(size) } },
      {
        status: 429,
        contentType: 'application/json',
      },
    ).facts();
  assert.deepEqual([error(1000).error?.class, error(1000).understood], ['quota', true]);
  assert.deepEqual([error(300_000).error?.class, error(300_000).understood], ['rate-limit', false]);
});

test('a 200 whose document is an error has failed', () => {
  for (const id of [
    'openai-chat',
    'openai-responses',
    'anthropic-messages',
    'gemini',
    'ollama',
    'openai-embeddings',
  ] as const) {
    const reader = document(id, { error: { code: 'insufficient_quota', message: 'm' } });
    assert.deepEqual([reader.phase, reader.facts().error?.class], ['failed', 'quota'], id);
  }
});

test('an empty body and a JSON body that breaks off are early ends', () => {
  for (const body of ['', '{"choices":[{"mess', '[1,']) {
    const reader = document('openai-chat', body);
    assert.deepEqual([reader.phase, reader.facts().understood], ['holding', true], body);
  }
});

test('what is not of the dialect at all is not understood, and its end is not judged', () => {
  for (const [body, head] of [
    ['{"something":"else"}', JSON_HEAD],
    ['data: {"type":"start"}\n\ndata: {"type":"text","x":1}\n\n', SSE],
    ['data: hello\n\n', SSE],
  ] as const) {
    for (const id of ['openai-chat', 'anthropic-messages', 'gemini', 'cohere-chat'] as const) {
      const reader = document(id, body, head);
      assert.deepEqual([reader.phase, reader.facts().understood], ['done', false], `${id}: ${body}`);
    }
  }
});

test('what was never JSON is no answer, and is not understood', () => {
  for (const [body, head] of [
    ['<html>login</html>', { status: 200, contentType: 'text/html' }],
    ['upstream connect error', { status: 200, contentType: 'text/plain' }],
    ['hello', JSON_HEAD],
  ] as const) {
    for (const id of ['openai-chat', 'anthropic-messages', 'gemini', 'cohere-chat'] as const) {
      const reader = document(id, body, head);
      assert.deepEqual([reader.phase, reader.facts().understood], ['failed', false], `${id}: ${body}`);
    }
  }
});

test('foreign events are never held back', () => {
  const reader = open('ollama', SSE);
  assert.deepEqual(phases(reader, { type: 'text-delta', text: 'x' }), ['content']);
});

test('an event above 1 MiB is skipped, released and not understood; usage after it is still read', () => {
  const reader = open('openai-chat', SSE);
  reader.push(Buffer.from(`data: {"choices":[{"delta":{"content":"${'x'.repeat(1_100_000)}"}}]}\n\n`));
  assert.equal(reader.phase, 'content');
  phases(reader, { choices: [], usage: { prompt_tokens: 3 } });
  reader.end();
  assert.deepEqual([reader.phase, reader.facts().understood, reader.facts().usage.input], ['done', false, 3]);
});

test('a document above 8 MiB is released and not understood', () => {
  const reader = open('openai-chat', JSON_HEAD, { pathStream: false });
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  for (let at = 0; at < 8; at++) reader.push(chunk);
  assert.equal(reader.phase, 'holding');
  reader.push(chunk);
  assert.equal(reader.phase, 'content');
  reader.end();
  assert.deepEqual([reader.phase, reader.facts().understood], ['done', false]);
});
