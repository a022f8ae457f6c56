// SPDX-License-Identifier: Apache-2.0
// Anthropic's answers to hub events and back: golden streams, arithmetic of usage, odd providers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll } from '../../../../../test/fakes/hub-answers.ts';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { anthropicCodec } from './codec.ts';

const USAGE = { input: 100, output: 20, cacheRead: 30, cacheWrite: 10, reasoning: 5 };

function encode(events: readonly HubEvent[], framing: 'sse' | undefined): string {
  const encoder = anthropicCodec.createEncoder({
    framing,
    model: 'claude-x',
    id: 'abc',
    createdAt: 0,
    request: EMPTY_REQUEST,
  });
  return encodeAll(encoder, events).toString('utf8');
}

function decodeEvents(events: readonly unknown[], decoder: AnswerDecoder = anthropicCodec.createDecoder()) {
  return [...events.flatMap((event) => decoder.event(event, '')), ...decoder.end()];
}

const EVENTS: readonly HubEvent[] = [
  { kind: 'start', id: 'x', model: 'y' },
  { kind: 'reasoning', text: 'hm' },
  { kind: 'reasoning-opaque', opaque: { dialect: 'anthropic-messages', form: 'signature', data: 'sig' } },
  { kind: 'part-end' },
  { kind: 'text', text: 'Grüße' },
  { kind: 'text', text: ' "🌍"' },
  { kind: 'tool-start', id: 'c1', name: 'f' },
  { kind: 'tool-start', id: 'c2', name: 'g' },
  { kind: 'tool-args', id: 'c2', text: '[1' },
  { kind: 'tool-args', id: 'c1', text: '{"a":' },
  { kind: 'tool-args', id: 'c1', text: '1}' },
  { kind: 'tool-args', id: 'c2', text: ']' },
  { kind: 'tool-end', id: 'c1' },
  { kind: 'tool-end', id: 'c2' },
  { kind: 'stop', stop: 'stop' },
  { kind: 'usage', usage: USAGE },
];

const WIRE_USAGE =
  '{"input_tokens":60,"cache_creation_input_tokens":10,"cache_read_input_tokens":30,"output_tokens":20,"output_tokens_details":{"thinking_tokens":5}}';

test('a stream has blocks one after the other, numbered from 0, and ends with usage', () => {
  const block = (index: number, start: string, deltas: readonly string[]) => [
    `{"type":"content_block_start","index":${index},"content_block":${start}}`,
    ...deltas.map((delta) => `{"type":"content_block_delta","index":${index},"delta":${delta}}`),
    `{"type":"content_block_stop","index":${index}}`,
  ];
  const expected = [
    '{"type":"message_start","message":{"id":"msg_abc","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}',
    ...block(0, '{"type":"thinking","thinking":"","signature":""}', [
      '{"type":"thinking_delta","thinking":"hm"}',
      '{"type":"signature_delta","signature":"sig"}',
    ]),
    ...block(1, '{"type":"text","text":""}', [
      '{"type":"text_delta","text":"Grüße"}',
      '{"type":"text_delta","text":" \\"🌍\\""}',
    ]),
    ...block(2, '{"type":"tool_use","id":"c1","name":"f","input":{}}', [
      '{"type":"input_json_delta","partial_json":"{\\"a\\":"}',
      '{"type":"input_json_delta","partial_json":"1}"}',
    ]),
    ...block(3, '{"type":"tool_use","id":"c2","name":"g","input":{}}', [
      '{"type":"input_json_delta","partial_json":"[1"}',
      '{"type":"input_json_delta","partial_json":"]"}',
    ]),
    `{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":${WIRE_USAGE}}`,
    '{"type":"message_stop"}',
  ];
  const lines = expected.map((json) => `event: ${(JSON.parse(json) as { type: string }).type}\ndata: ${json}\n\n`);
  assert.equal(encode(EVENTS, 'sse'), lines.join(''));
});

test('a whole document says the same', () => {
  assert.deepEqual(JSON.parse(encode(EVENTS, undefined)), {
    id: 'msg_abc',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'text', text: 'Grüße "🌍"' },
      { type: 'tool_use', id: 'c1', name: 'f', input: { a: 1 } },
      { type: 'tool_use', id: 'c2', name: 'g', input: [1] },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: JSON.parse(WIRE_USAGE),
  });
});

test('an answer without content, start or usage is still a whole message', () => {
  const wire = encode([{ kind: 'stop', stop: 'length' }], 'sse');
  assert.deepEqual(wire.match(/(?<=event: )\w+/g), ['message_start', 'message_delta', 'message_stop']);
  assert.match(wire, /"stop_reason":"max_tokens"/);
  assert.match(wire, /"usage":\{"input_tokens":0,"output_tokens":0\}/);
});

test('each stop class has its word', () => {
  const words = ['stop', 'length', 'tool-use', 'content-filter', 'refusal', 'pause', 'error', 'other'] as const;
  const said = words.map((stop) => /"stop_reason":"(\w+)"/.exec(encode([{ kind: 'stop', stop }], undefined))?.[1]);
  assert.deepEqual(said, [
    'end_turn',
    'max_tokens',
    'tool_use',
    'refusal',
    'refusal',
    'pause_turn',
    'max_tokens',
    'end_turn',
  ]);
  const sequence = encode([{ kind: 'stop', stop: 'stop', sequence: 'END' }], undefined);
  assert.match(sequence, /"stop_reason":"stop_sequence","stop_sequence":"END"/);
});

test('foreign signatures, errors and losses write nothing; redacted thinking is a block of its own', () => {
  const opaque = { dialect: 'gemini', form: 'signature', data: 'zz' } as const;
  const wire = encode(
    [
      { kind: 'reasoning-opaque', opaque },
      { kind: 'loss', loss: { code: 'citations', at: '' } },
      { kind: 'reasoning-opaque', opaque: { dialect: 'anthropic-messages', form: 'redacted', data: 'rr' } },
      { kind: 'text', text: 'x' },
    ],
    'sse',
  );
  assert.equal(wire.includes('zz'), false);
  assert.match(wire, /"index":0,"content_block":\{"type":"redacted_thinking","data":"rr"\}/);
  assert.match(wire, /"index":1,"content_block":\{"type":"text"/);
  const failed = encode(
    [
      { kind: 'start', id: 'i', model: 'm' },
      { kind: 'error', class: 'server', code: 'x' },
    ],
    'sse',
  );
  assert.equal(failed.includes('message_stop'), false);
});

test('arguments that broke off stay text in a document', () => {
  const document = encode(
    [
      { kind: 'tool-start', id: 'a', name: 'f' },
      { kind: 'tool-args', id: 'a', text: '{"x":' },
      { kind: 'stop', stop: 'length' },
    ],
    undefined,
  );
  assert.equal((JSON.parse(document) as { content: { input: unknown }[] }).content[0]?.input, '{"x":');
});

const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    model: 'claude-y',
    usage: { input_tokens: 60, cache_read_input_tokens: 30, output_tokens: 1 },
  },
};

test('a provider stream decodes to hub events, usage added up once at the end', () => {
  const events = decodeEvents([
    START,
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'rr' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'content_block_start', index: 2, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'a' } },
    { type: 'content_block_stop', index: 2 },
    { type: 'content_block_start', index: 3, content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } },
    { type: 'content_block_delta', index: 3, delta: { type: 'input_json_delta', partial_json: '' } },
    { type: 'content_block_delta', index: 3, delta: { type: 'input_json_delta', partial_json: '{"a":1}' } },
    { type: 'content_block_stop', index: 3 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
      usage: { output_tokens: 20, cache_creation_input_tokens: 10, output_tokens_details: { thinking_tokens: 5 } },
    },
    { type: 'message_stop' },
    { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'late' } },
  ]);
  assert.deepEqual(events, [
    { kind: 'start', id: 'msg_1', model: 'claude-y' },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'anthropic-messages', form: 'signature', data: 'sig' } },
    { kind: 'part-end' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'anthropic-messages', form: 'redacted', data: 'rr' } },
    { kind: 'part-end' },
    { kind: 'text', text: 'a' },
    { kind: 'part-end' },
    { kind: 'tool-start', id: 't', name: 'f' },
    { kind: 'tool-args', id: 't', text: '{"a":1}' },
    { kind: 'tool-end', id: 't' },
    { kind: 'stop', stop: 'stop', sequence: 'END' },
    { kind: 'usage', usage: USAGE },
  ]);
});

test('a document decodes to the same kinds of events', () => {
  const events = anthropicCodec.createDecoder().document({
    id: 'msg_1',
    model: 'claude-y',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'text', text: 'a', citations: [{}] },
      { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
      { type: 'tool_use', id: 't', name: 'g', input: {} },
    ],
    stop_reason: 'pause_turn',
    stop_sequence: null,
    usage: { input_tokens: 5, output_tokens: 6 },
  });
  assert.deepEqual(events, [
    { kind: 'start', id: 'msg_1', model: 'claude-y' },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'anthropic-messages', form: 'signature', data: 'sig' } },
    { kind: 'part-end' },
    { kind: 'text', text: 'a' },
    { kind: 'loss', loss: { code: 'citations', at: '/content' } },
    { kind: 'part-end' },
    { kind: 'tool-start', id: 't', name: 'f' },
    { kind: 'tool-args', id: 't', text: '{"a":1}' },
    { kind: 'tool-end', id: 't' },
    { kind: 'tool-start', id: 't_1', name: 'g' },
    { kind: 'tool-end', id: 't_1' },
    { kind: 'stop', stop: 'pause' },
    {
      kind: 'usage',
      usage: { input: 5, output: 6, cacheRead: undefined, cacheWrite: undefined, reasoning: undefined },
    },
  ]);
});

test('odd streams: no start, blocks never closed, unknown events, calls without id, arguments at once', () => {
  const events = decodeEvents([
    { type: 'mystery' },
    { type: 'mystery' },
    null,
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } },
    { type: 'content_block_start', index: 1, content_block: { type: 'server_tool_use', name: 'web_search' } },
    { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', name: 'f', input: { q: 1 } } },
    { type: 'content_block_delta', index: 9, delta: { type: 'input_json_delta', partial_json: 'lost' } },
    { type: 'message_delta', delta: { stop_reason: 'brand_new' } },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
  ]);
  assert.deepEqual(events, [
    { kind: 'start', id: undefined, model: undefined },
    { kind: 'loss', loss: { code: 'unknown-event', at: '' } },
    { kind: 'text', text: 'a' },
    { kind: 'loss', loss: { code: 'server-tool', at: '/content' } },
    { kind: 'part-end' },
    { kind: 'tool-start', id: 'call_2', name: 'f' },
    { kind: 'tool-args', id: 'call_2', text: '{"q":1}' },
    { kind: 'tool-end', id: 'call_2' },
    { kind: 'stop', stop: 'other' },
  ]);
});

test('an error event ends the answer; a body that is no message is an error', () => {
  const events = decodeEvents([
    START,
    { type: 'error', error: { type: 'overloaded_error', message: 'x' } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'a' } },
  ]);
  assert.deepEqual(events.slice(1), [{ kind: 'error', class: 'overloaded', code: 'overloaded_error' }]);
  for (const body of [null, 7, [], {}, { type: 'error', error: { type: 'api_error' } }]) {
    const [start, error] = anthropicCodec.createDecoder().document(body);
    assert.deepEqual([start?.kind, error?.kind], ['start', 'error']);
  }
});
