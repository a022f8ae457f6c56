// SPDX-License-Identifier: Apache-2.0
// Converse's and InvokeModel's answers to hub events and back: golden frames, arithmetic of usage, odd providers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll } from '../../../../../test/fakes/hub-answers.ts';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import { AwsEventStreamParser } from '../../framing/aws-event-stream.ts';
import type { Codec } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { bedrockConverseCodec } from './codec.ts';
import { bedrockInvokeCodec } from './invoke.ts';

function encode(codec: Codec, events: readonly HubEvent[], framing: 'aws-event-stream' | undefined): Buffer {
  const encoder = codec.createEncoder({ framing, model: 'm', id: 'abc', createdAt: 0, request: EMPTY_REQUEST });
  return encodeAll(encoder, events);
}

/** Event names and payloads, as the product's own parser sees them. */
function frames(bytes: Buffer): readonly string[] {
  const found: string[] = [];
  const parser = new AwsEventStreamParser({
    frame({ headers, payload }) {
      assert.equal(headers.get(':message-type'), 'event');
      assert.equal(headers.get(':content-type'), 'application/json');
      found.push(`${headers.get(':event-type')} ${payload.toString('utf8')}`);
    },
    skipped: () => assert.fail('skipped'),
    garbled: () => assert.fail('garbled'),
  });
  parser.push(bytes);
  return found;
}

const USAGE: HubEvent = {
  kind: 'usage',
  usage: { input: 100, output: 20, cacheRead: 30, cacheWrite: 10, reasoning: 5 },
};

const EVENTS: readonly HubEvent[] = [
  { kind: 'start', id: 'x', model: 'y' },
  { kind: 'reasoning', text: 'hm' },
  { kind: 'reasoning-opaque', opaque: { dialect: 'bedrock-converse', form: 'signature', data: 'sig' } },
  { kind: 'text', text: 'Grüße' },
  { kind: 'tool-start', id: 'c1', name: 'f' },
  { kind: 'tool-start', id: 'c2', name: 'g' },
  { kind: 'tool-args', id: 'c2', text: '{}' },
  { kind: 'tool-args', id: 'c1', text: '{"a":1}' },
  { kind: 'tool-end', id: 'c1' },
  { kind: 'tool-end', id: 'c2' },
  { kind: 'stop', stop: 'stop' },
  USAGE,
];

const WIRE_USAGE =
  '{"inputTokens":60,"outputTokens":20,"totalTokens":120,"cacheReadInputTokens":30,"cacheWriteInputTokens":10}';

test('Converse frames: tools are announced, blocks end before the next, usage comes last', () => {
  assert.deepEqual(frames(encode(bedrockConverseCodec, EVENTS, 'aws-event-stream')), [
    'messageStart {"role":"assistant"}',
    'contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}',
    'contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"sig"}}}',
    'contentBlockStop {"contentBlockIndex":0}',
    'contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"Grüße"}}',
    'contentBlockStop {"contentBlockIndex":1}',
    'contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"c1","name":"f"}}}',
    'contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\\"a\\":1}"}}}',
    'contentBlockStop {"contentBlockIndex":2}',
    'contentBlockStart {"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"c2","name":"g"}}}',
    'contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":"{}"}}}',
    'contentBlockStop {"contentBlockIndex":3}',
    'messageStop {"stopReason":"tool_use"}',
    `metadata {"usage":${WIRE_USAGE},"metrics":{"latencyMs":0}}`,
  ]);
});

test('a Converse document says the same', () => {
  assert.deepEqual(JSON.parse(encode(bedrockConverseCodec, EVENTS, undefined).toString('utf8')), {
    output: {
      message: {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } },
          { text: 'Grüße' },
          { toolUse: { toolUseId: 'c1', name: 'f', input: { a: 1 } } },
          { toolUse: { toolUseId: 'c2', name: 'g', input: {} } },
        ],
      },
    },
    stopReason: 'tool_use',
    usage: JSON.parse(WIRE_USAGE),
    metrics: { latencyMs: 0 },
  });
});

test('each stop class has its word in Converse', () => {
  const words = ['stop', 'length', 'tool-use', 'content-filter', 'refusal', 'pause', 'error', 'other'] as const;
  const said = words.map((stop) => {
    const { stopReason } = JSON.parse(
      encode(bedrockConverseCodec, [{ kind: 'stop', stop }], undefined).toString('utf8'),
    );
    return stopReason;
  });
  assert.deepEqual(said, [
    'end_turn',
    'max_tokens',
    'tool_use',
    'content_filtered',
    'content_filtered',
    'end_turn',
    'malformed_model_output',
    'end_turn',
  ]);
});

test('InvokeModel chunks hold Anthropic events, the last one with the counts', () => {
  const events: readonly HubEvent[] = [{ kind: 'text', text: 'a' }, { kind: 'stop', stop: 'stop' }, USAGE];
  const inner = frames(encode(bedrockInvokeCodec, events, 'aws-event-stream')).map((frame) => {
    const [name, payload = ''] = frame.split(/ (.*)/s);
    assert.equal(name, 'chunk');
    const { bytes } = JSON.parse(payload) as { bytes: string };
    return JSON.parse(Buffer.from(bytes, 'base64').toString('utf8')) as Record<string, unknown>;
  });
  assert.deepEqual(
    inner.map(({ type }) => type),
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  );
  assert.deepEqual(inner.at(-1), {
    type: 'message_stop',
    'amazon-bedrock-invocationMetrics': {
      inputTokenCount: 60,
      outputTokenCount: 20,
      cacheReadInputTokenCount: 30,
      cacheWriteInputTokenCount: 10,
    },
  });
});

function decodeEvents(codec: Codec, events: readonly (readonly [string, unknown])[]): readonly HubEvent[] {
  const decoder = codec.createDecoder();
  return [...events.flatMap(([name, value]) => decoder.event(value, name)), ...decoder.end()];
}

test('Converse events decode: signature in pieces, cached usage added up, kinds without a form counted', () => {
  const events = decodeEvents(bedrockConverseCodec, [
    ['messageStart', { role: 'assistant', p: 'abc' }],
    ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'hm' } } }],
    ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { signature: 's1' } } }],
    ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { signature: 's2' } } }],
    ['contentBlockStop', { contentBlockIndex: 0 }],
    ['contentBlockDelta', { contentBlockIndex: 1, delta: { reasoningContent: { redactedContent: 'cnI=' } } }],
    ['contentBlockStop', { contentBlockIndex: 1 }],
    ['contentBlockDelta', { contentBlockIndex: 2, delta: { text: 'a' } }],
    ['contentBlockDelta', { contentBlockIndex: 2, delta: { citation: {} } }],
    ['contentBlockStop', { contentBlockIndex: 2 }],
    ['contentBlockStart', { contentBlockIndex: 3, start: { toolUse: { toolUseId: 't', name: 'f' } } }],
    ['contentBlockDelta', { contentBlockIndex: 3, delta: { toolUse: { input: '{"a"' } } }],
    ['contentBlockDelta', { contentBlockIndex: 3, delta: { toolUse: { input: ':1}' } } }],
    ['contentBlockStop', { contentBlockIndex: 3 }],
    ['contentBlockDelta', { contentBlockIndex: 4, delta: { image: {} } }],
    ['brandNew', {}],
    ['messageStop', { stopReason: 'guardrail_intervened' }],
    ['metadata', { usage: { inputTokens: 60, outputTokens: 20, cacheReadInputTokens: 30, cacheWriteInputTokens: 10 } }],
  ]);
  assert.deepEqual(events, [
    { kind: 'start', id: undefined, model: undefined },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'bedrock-converse', form: 'signature', data: 's1s2' } },
    { kind: 'part-end' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'bedrock-converse', form: 'redacted', data: 'cnI=' } },
    { kind: 'part-end' },
    { kind: 'text', text: 'a' },
    { kind: 'loss', loss: { code: 'citations', at: '/content' } },
    { kind: 'part-end' },
    { kind: 'tool-start', id: 't', name: 'f' },
    { kind: 'tool-args', id: 't', text: '{"a"' },
    { kind: 'tool-args', id: 't', text: ':1}' },
    { kind: 'tool-end', id: 't' },
    { kind: 'loss', loss: { code: 'output-modality', at: '/content' } },
    { kind: 'loss', loss: { code: 'unknown-event', at: '' } },
    { kind: 'stop', stop: 'content-filter' },
    {
      kind: 'usage',
      usage: { input: 100, output: 20, cacheRead: 30, cacheWrite: 10, reasoning: undefined },
    },
  ]);
});

test('exceptions and bodies that are no message are errors', () => {
  const thrown = [
    ['messageStart', {}],
    ['throttlingException', { message: 'slow down' }],
  ] as const;
  assert.deepEqual(decodeEvents(bedrockConverseCodec, thrown).slice(1), [
    { kind: 'error', class: 'rate-limit', code: 'throttlingException' },
  ]);
  assert.deepEqual(decodeEvents(bedrockInvokeCodec, [['modelStreamErrorException', {}]]), [
    { kind: 'error', class: 'server', code: 'modelStreamErrorException' },
  ]);
  for (const codec of [bedrockConverseCodec, bedrockInvokeCodec]) {
    for (const body of [null, 7, [], {}, { message: 'x' }]) {
      assert.equal(codec.createDecoder().document(body).at(-1)?.kind, 'error');
    }
    for (const value of [null, 7, [], { bytes: '%%%' }, { bytes: 'bnVsbA==' }]) {
      assert.equal(codec.createDecoder().event(value, 'chunk').at(-1)?.kind, 'loss');
    }
  }
});

test('a Converse document decodes: reasoning, tools, usage without cache', () => {
  const events = bedrockConverseCodec.createDecoder().document({
    output: {
      message: {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } },
          { citationsContent: { content: [{ text: 'cited' }] } },
          { toolUse: { toolUseId: 't', name: 'f', input: { a: 1 } } },
        ],
      },
    },
    stopReason: 'tool_use',
    usage: { inputTokens: 5, outputTokens: 6, totalTokens: 11 },
  });
  assert.deepEqual(events, [
    { kind: 'start', id: undefined, model: undefined },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'reasoning-opaque', opaque: { dialect: 'bedrock-converse', form: 'signature', data: 'sig' } },
    { kind: 'part-end' },
    { kind: 'text', text: 'cited' },
    { kind: 'loss', loss: { code: 'citations', at: '/content' } },
    { kind: 'part-end' },
    { kind: 'tool-start', id: 't', name: 'f' },
    { kind: 'tool-args', id: 't', text: '{"a":1}' },
    { kind: 'tool-end', id: 't' },
    { kind: 'stop', stop: 'tool-use' },
    {
      kind: 'usage',
      usage: { input: 5, output: 6, cacheRead: undefined, cacheWrite: undefined, reasoning: undefined },
    },
  ]);
});
