// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll, joined } from '../../../../../test/fakes/hub-answers.ts';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import { seededBelow } from '../../../../../test/fakes/random.ts';
import type { Usage } from '../../dialect.ts';
import { SseParser } from '../../framing/sse.ts';
import type { EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { ChatAnswerDecoder } from './decode-answer.ts';
import { createChatEncoder } from './encode-answer.ts';

const HUB: HubRequest = { ...EMPTY_REQUEST, stream: true };
const OPTIONS: EncoderOptions = { framing: 'sse', model: 'asked', id: 'x1', createdAt: 1700000000, request: HUB };
const USAGE: Usage = { input: 10, output: 5, cacheRead: 4, cacheWrite: undefined, reasoning: 2 };

function bytes(events: readonly HubEvent[], options: Partial<EncoderOptions> = {}): Buffer {
  const encoder = createChatEncoder({ ...OPTIONS, ...options });
  return encodeAll(encoder, events);
}

function whole(events: readonly HubEvent[]): unknown {
  return JSON.parse(bytes(events, { framing: undefined }).toString());
}

const START: HubEvent = { kind: 'start', id: 'theirs', model: 'theirs' };

test('a stream, byte for byte: role, pieces, finish, usage, end mark', () => {
  const head = '{"id":"chatcmpl-x1","object":"chat.completion.chunk","created":1700000000,"model":"asked","choices":[';
  const line = (delta: string, finish = 'null') =>
    `data: ${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}],"usage":null}\n\n`;
  const events: readonly HubEvent[] = [
    START,
    { kind: 'reasoning', text: 'hm' },
    { kind: 'text', text: 'a "quoted"\nline' },
    { kind: 'usage', usage: USAGE },
    { kind: 'tool-start', id: 'c1', name: 'f' },
    { kind: 'tool-start', id: 'c2', name: 'g' },
    { kind: 'tool-args', id: 'c2', text: '{"b":1}' },
    { kind: 'tool-args', id: 'c1', text: '{' },
    { kind: 'tool-args', id: 'c1', text: '}' },
    { kind: 'tool-end', id: 'c1' },
    { kind: 'tool-end', id: 'c2' },
    { kind: 'tool-start', id: 'c3', name: 'h' },
    { kind: 'tool-end', id: 'c3' },
    { kind: 'stop', stop: 'tool-use' },
  ];
  const start = (index: number, id: string, name: string) =>
    line(
      `{"tool_calls":[{"index":${index},"id":"${id}","type":"function","function":{"name":"${name}","arguments":""}}]}`,
    );
  const args = (index: number, text: string) =>
    line(`{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(text)}}}]}`);
  assert.equal(
    bytes(events).toString(),
    line('{"role":"assistant","content":"","refusal":null}') +
      line('{"reasoning_content":"hm"}') +
      line('{"content":"a \\"quoted\\"\\nline"}') +
      start(0, 'c1', 'f') +
      args(0, '{') +
      args(0, '}') +
      start(1, 'c2', 'g') +
      args(1, '{"b":1}') +
      start(2, 'c3', 'h') +
      args(2, '{}') +
      line('{}', '"tool_calls"') +
      `data: ${head}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,` +
      '"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}\n\n' +
      'data: [DONE]\n\n',
  );
});

test('usage goes only to a caller that asked for it, and only if it is known', () => {
  const events: readonly HubEvent[] = [START, { kind: 'stop', stop: 'stop' }, { kind: 'usage', usage: USAGE }];
  assert.equal(bytes(events, { request: { ...HUB, streamUsage: false } }).includes('usage'), false);
  assert.equal(bytes(events.slice(0, 2)).includes('prompt_tokens'), false);
});

test('a whole answer', () => {
  assert.deepEqual(
    whole([
      START,
      { kind: 'reasoning', text: 'hm' },
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'tool-start', id: 'c1', name: 'f' },
      { kind: 'tool-args', id: 'c1', text: '{"a":' },
      { kind: 'tool-args', id: 'c1', text: '1}' },
      { kind: 'tool-end', id: 'c1' },
      { kind: 'stop', stop: 'tool-use' },
      { kind: 'usage', usage: { ...USAGE, cacheWrite: 3 } },
    ]),
    {
      id: 'chatcmpl-x1',
      object: 'chat.completion',
      created: 1700000000,
      model: 'asked',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Hello',
            refusal: null,
            reasoning_content: 'hm',
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    },
  );
});

test('each class of stop has a word; what is not whole never stops as if it were', () => {
  const word = (...events: readonly HubEvent[]) =>
    /"finish_reason":"(\w+)"/.exec(bytes([START, ...events]).toString())?.[1];
  assert.equal(word({ kind: 'stop', stop: 'stop', sequence: 'x' }), 'stop');
  assert.equal(word({ kind: 'stop', stop: 'other' }), 'stop');
  assert.equal(word({ kind: 'stop', stop: 'length' }), 'length');
  assert.equal(word({ kind: 'stop', stop: 'pause' }), 'length');
  assert.equal(word({ kind: 'stop', stop: 'error' }), 'length');
  assert.equal(word({ kind: 'stop', stop: 'content-filter' }), 'content_filter');
  assert.equal(word({ kind: 'stop', stop: 'refusal' }), 'content_filter');
  assert.equal(word({ kind: 'refusal', text: 'no' }, { kind: 'stop', stop: 'refusal' }), 'stop');
  assert.equal(word(), 'stop');
});

const PIECES = ['a', '', ' "\\', '\n\n', 'ä€', '👋🏽', 'data: x', '\u2028', '{"k":1}', 'x'.repeat(300)];

function script(pick: (below: number) => number): readonly HubEvent[] {
  const events: HubEvent[] = [{ kind: 'start', id: 'chatcmpl-x1', model: 'asked' }];
  const text = () => PIECES[pick(PIECES.length)] ?? '';
  for (const kind of ['reasoning', 'text', 'refusal'] as const) {
    if (pick(3) === 0) continue;
    for (let n = pick(4); n > 0; n--) {
      const piece = text();
      if (piece !== '') events.push({ kind, text: piece });
    }
  }
  const calls = pick(4);
  const ends: HubEvent[] = [];
  for (let index = 0; index < calls; index++) {
    const id = `call-${index}`;
    events.push({ kind: 'tool-start', id, name: `f${index}` });
    for (const piece of ['{"v":', JSON.stringify(text()), '}']) events.push({ kind: 'tool-args', id, text: piece });
    ends.push({ kind: 'tool-end', id });
  }
  const refused = events.some(({ kind }) => kind === 'refusal');
  events.push(...ends, { kind: 'stop', stop: refused ? 'refusal' : calls > 0 ? 'tool-use' : 'length' });
  events.push({
    kind: 'usage',
    usage: { input: pick(99), output: pick(99), cacheRead: pick(9), cacheWrite: undefined, reasoning: pick(9) },
  });
  return events;
}

test('what is encoded decodes to the same events, in any slicing, streamed and whole', () => {
  for (let seed = 0; seed < 300; seed++) {
    const pick = seededBelow(seed);
    const events = script(pick);
    const stream = bytes(events);
    const decoder = new ChatAnswerDecoder();
    const found: HubEvent[] = [];
    const parser = new SseParser({
      event: (data) => {
        if (data !== '[DONE]') found.push(...decoder.event(parseValue(data)));
      },
      skipped: () => assert.fail('skipped'),
      garbled: () => assert.fail('garbled'),
    });
    for (let at = 0; at < stream.length; ) {
      const size = seed % 3 === 0 ? 1 : 1 + pick(200);
      parser.push(stream.subarray(at, at + size));
      at += size;
    }
    parser.end();
    found.push(...decoder.end());
    assert.deepEqual(joined(found), joined(events), `seed ${seed}`);

    const document = new ChatAnswerDecoder().document(whole(events));
    assert.deepEqual(joined(document), joined(events), `seed ${seed}, whole`);
  }
});
