// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll } from '../../../../../test/fakes/hub-answers.ts';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import type { EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { createEncoder } from './encode-answer.ts';

const REQUEST: HubRequest = {
  ...EMPTY_REQUEST,
  stream: true,
  reasoning: { effort: undefined, budgetTokens: undefined, visible: true },
};

function write(framing: EncoderOptions['framing'], events: readonly HubEvent[], request: Partial<HubRequest> = {}) {
  const encoder = createEncoder({
    framing,
    model: 'gemini-2.5-pro',
    id: 'abc',
    createdAt: 0,
    request: { ...REQUEST, ...request },
  });
  return encodeAll(encoder, events).toString();
}

const EVENTS: readonly HubEvent[] = [
  { kind: 'start', id: 'x', model: 'other' },
  { kind: 'reasoning', text: 'hm' },
  { kind: 'text', text: 'Lo' },
  { kind: 'text', text: 'ok' },
  { kind: 'tool-start', id: 'a', name: 'f' },
  { kind: 'tool-start', id: 'b', name: 'g' },
  { kind: 'tool-args', id: 'b', text: '{"y":' },
  { kind: 'tool-args', id: 'a', text: '{"x":1e2}' },
  { kind: 'tool-args', id: 'b', text: '\n2}' },
  { kind: 'tool-end', id: 'b' },
  { kind: 'tool-end', id: 'a' },
  { kind: 'stop', stop: 'tool-use' },
  { kind: 'usage', usage: { input: 10, output: 7, cacheRead: 4, cacheWrite: undefined, reasoning: 5 } },
];
const TAIL = '"modelVersion":"gemini-2.5-pro","responseId":"abc"}';
const part = (json: string) => `{"candidates":[{"content":{"parts":[${json}],"role":"model"},"index":0}],${TAIL}`;
const CALLS =
  '{"functionCall":{"id":"a","name":"f","args":{"x":1e2}},"thoughtSignature":"skip_thought_signature_validator"},' +
  '{"functionCall":{"id":"b","name":"g","args":{"y":2}}}';
const LAST = (parts: string) =>
  `{"candidates":[{"content":{"parts":[${parts}],"role":"model"},"finishReason":"STOP","index":0}],` +
  '"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"thoughtsTokenCount":5,"cachedContentTokenCount":4,' +
  `"totalTokenCount":17},${TAIL}`;

test('SSE: whole calls in the order of their start, reason and usage last, no terminator', () => {
  const chunks = [
    part('{"text":"hm","thought":true}'),
    part('{"text":"Lo"}'),
    part('{"text":"ok"}'),
    part(CALLS),
    LAST('{"text":""}'),
  ];
  assert.equal(write('sse', EVENTS), chunks.map((json) => `data: ${json}\n\n`).join(''));
});

test('the array form is one JSON array', () => {
  const text = write('json-array', EVENTS);
  assert.equal(JSON.parse(text).length, 5);
  assert.equal(text.slice(0, 2), '[{');
  assert.equal(JSON.parse(write('json-array', [])).length, 1);
});

test('a document: texts are joined, thoughts apart', () => {
  assert.equal(write(undefined, EVENTS), LAST(`{"text":"hm","thought":true},{"text":"Look"},${CALLS}`));
});

test('thoughts are shown only to those who asked', () => {
  assert.ok(!write(undefined, EVENTS, { reasoning: undefined }).includes('hm'));
});

test('arguments that are no object end the answer as malformed', () => {
  for (const args of ['{"a":', '[1]', '7']) {
    const text = write(undefined, [
      { kind: 'tool-start', id: 'a', name: 'f' },
      { kind: 'tool-args', id: 'a', text: args },
      { kind: 'tool-end', id: 'a' },
      { kind: 'stop', stop: 'tool-use' },
    ]);
    assert.ok(text.includes('"finishReason":"MALFORMED_FUNCTION_CALL"') && !text.includes('functionCall'), args);
  }
});

test('a call that nobody ended is ended; no arguments are an empty object', () => {
  const text = write(undefined, [{ kind: 'tool-start', id: 'a', name: 'f' }]);
  assert.deepEqual(JSON.parse(text).candidates[0].content.parts[0].functionCall, { id: 'a', name: 'f', args: {} });
});

test('own signatures stay at their parts, those of others are left out', () => {
  const own = { dialect: 'gemini', form: 'signature', data: 'c2ln' } as const;
  const foreign = { dialect: 'anthropic-messages', form: 'signature', data: 'nope' } as const;
  const text = write(undefined, [
    { kind: 'text', text: 'a' },
    { kind: 'reasoning-opaque', opaque: own },
    { kind: 'reasoning-opaque', opaque: foreign },
    { kind: 'tool-start', id: 'a', name: 'f', opaque: own },
    { kind: 'tool-end', id: 'a' },
  ]);
  assert.deepEqual(JSON.parse(text).candidates[0].content.parts, [
    { text: 'a' },
    { text: '', thoughtSignature: 'c2ln' },
    { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'c2ln' },
  ]);
});

test('every stop class has a reason', () => {
  const reasonOf = (stop: Extract<HubEvent, { kind: 'stop' }>['stop']) =>
    JSON.parse(write(undefined, [{ kind: 'stop', stop }])).candidates[0].finishReason;
  assert.deepEqual(
    (['stop', 'length', 'tool-use', 'content-filter', 'refusal', 'pause', 'error', 'other'] as const).map(reasonOf),
    ['STOP', 'MAX_TOKENS', 'STOP', 'SAFETY', 'SAFETY', 'OTHER', 'OTHER', 'OTHER'],
  );
});
