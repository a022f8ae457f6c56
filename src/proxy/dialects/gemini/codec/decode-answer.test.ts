// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubEvent } from '../../hub/hub.ts';
import { createDecoder } from './decode-answer.ts';

const chunk = (parts: readonly unknown[], rest: object = {}, top: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...rest }],
  modelVersion: 'gemini-2.5-flash',
  responseId: 'r1',
  ...top,
});

function stream(...chunks: readonly unknown[]): readonly HubEvent[] {
  const decoder = createDecoder();
  return [...chunks.flatMap((one) => decoder.event(one, '')), ...decoder.end()];
}

const START: HubEvent = { kind: 'start', id: 'r1', model: 'gemini-2.5-flash' };

test('text in chunks; the last usage counts, thoughts are output, tool prompts input', () => {
  assert.deepEqual(
    stream(
      chunk([{ text: 'Hel' }], {}, { usageMetadata: { promptTokenCount: 5 } }),
      chunk([{ text: 'lo' }]),
      chunk([], { finishReason: 'STOP' }),
      {
        usageMetadata: {
          promptTokenCount: 5,
          toolUsePromptTokenCount: 2,
          candidatesTokenCount: 3,
          thoughtsTokenCount: 10,
          cachedContentTokenCount: 4,
          totalTokenCount: 20,
        },
      },
    ),
    [
      START,
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'stop', stop: 'stop' },
      { kind: 'usage', usage: { input: 7, output: 13, cacheRead: 4, cacheWrite: undefined, reasoning: 10 } },
    ],
  );
});

test('thoughts, several parts in one chunk, calls with and without ids, signatures at their parts', () => {
  assert.deepEqual(
    stream(
      chunk(
        [
          { text: 'hm', thought: true, thoughtSignature: 'czE=' },
          { text: 'Looking.' },
          { functionCall: { name: 'a', args: { x: 1 } }, thoughtSignature: 'czI=' },
          { functionCall: { id: 'own', name: 'b' } },
          { functionCall: { id: 'own', name: 'b', args: {} } },
          { text: '', thoughtSignature: 'czM=' },
        ],
        { finishReason: 'STOP' },
      ),
    ),
    [
      START,
      { kind: 'reasoning', text: 'hm' },
      { kind: 'reasoning-opaque', opaque: { dialect: 'gemini', form: 'signature', data: 'czE=' } },
      { kind: 'text', text: 'Looking.' },
      {
        kind: 'tool-start',
        id: 'call_0',
        name: 'a',
        opaque: { dialect: 'gemini', form: 'signature', data: 'czI=' },
      },
      { kind: 'tool-args', id: 'call_0', text: '{"x":1}' },
      { kind: 'tool-end', id: 'call_0' },
      { kind: 'tool-start', id: 'own', name: 'b' },
      { kind: 'tool-end', id: 'own' },
      { kind: 'tool-start', id: 'call_2', name: 'b' },
      { kind: 'tool-args', id: 'call_2', text: '{}' },
      { kind: 'tool-end', id: 'call_2' },
      { kind: 'reasoning-opaque', opaque: { dialect: 'gemini', form: 'signature', data: 'czM=' } },
      { kind: 'stop', stop: 'tool-use' },
    ],
  );
});

test('arguments in pieces are put together and given out whole', () => {
  const piece = (partialArgs: readonly object[], willContinue = true) =>
    chunk([{ functionCall: { partialArgs, willContinue } }]);
  const events = stream(
    chunk([{ functionCall: { name: 'book', id: 'c', willContinue: true } }]),
    piece([{ jsonPath: '$.city', stringValue: 'Par', willContinue: true }]),
    piece([{ jsonPath: '$.city', stringValue: 'is' }]),
    piece([
      { jsonPath: "$.days[0]['a b']", numberValue: 1.5 },
      { jsonPath: '$.days[0].ok', boolValue: true },
      { jsonPath: '$.days[1]', nullValue: 'NULL_VALUE' },
      { jsonPath: '$.__proto__.x', stringValue: 'y' },
    ]),
    chunk([{ functionCall: {} }]),
    chunk([{ text: 'done' }], { finishReason: 'STOP' }),
  );
  assert.deepEqual(events.slice(1), [
    { kind: 'tool-start', id: 'c', name: 'book' },
    {
      kind: 'tool-args',
      id: 'c',
      text: '{"city":"Paris","days":[{"a b":1.5,"ok":true},null],"__proto__":{"x":"y"}}',
    },
    { kind: 'tool-end', id: 'c' },
    { kind: 'text', text: 'done' },
    { kind: 'stop', stop: 'tool-use' },
  ]);
});

test('pieces that do not fit together are a loss, not a wrong object', () => {
  for (const path of ['city', '$', '$.a[5]', '$.a[', `$${'.a'.repeat(100)}`, '$.b.c']) {
    const events = stream(
      chunk([
        { functionCall: { name: 'f', partialArgs: [{ jsonPath: '$.b', numberValue: 1 }], willContinue: true } },
        { functionCall: { partialArgs: [{ jsonPath: path, stringValue: 'x' }] } },
      ]),
    );
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['start', 'tool-start', 'loss', 'tool-end'],
      path,
    );
  }
});

test('an open call ends with the next call, with a text, and with the stream', () => {
  const open = (name: string) => ({
    functionCall: { name, partialArgs: [{ jsonPath: '$.a', numberValue: 1 }], willContinue: true },
  });
  const kinds = stream(chunk([open('f')]), chunk([open('g')]), chunk([{ text: 'x' }]), chunk([open('h')]));
  assert.deepEqual(
    kinds.map((event) => ('id' in event && event.kind !== 'start' ? `${event.kind} ${event.id}` : event.kind)),
    [
      'start',
      'tool-start call_0',
      'tool-args call_0',
      'tool-end call_0',
      'tool-start call_1',
      'tool-args call_1',
      'tool-end call_1',
      'text',
      'tool-start call_2',
      'tool-args call_2',
      'tool-end call_2',
    ],
  );
});

test('stop reasons', () => {
  const stopOf = (finishReason: string, parts: readonly object[] = [{ text: 'x' }]) =>
    stream(chunk(parts, { finishReason })).find((event) => event.kind === 'stop')?.stop;
  assert.equal(stopOf('MAX_TOKENS'), 'length');
  assert.equal(stopOf('SAFETY'), 'content-filter');
  assert.equal(stopOf('MALFORMED_FUNCTION_CALL'), 'error');
  assert.equal(stopOf('SOMETHING_NEW'), 'other');
  assert.equal(stopOf('FINISH_REASON_UNSPECIFIED'), undefined);
  assert.equal(stopOf('MAX_TOKENS', [{ functionCall: { name: 'f' } }]), 'length');
});

test('a blocked prompt is an answer without content', () => {
  assert.deepEqual(
    stream({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 3 }, responseId: 'r2' }),
    [
      { kind: 'start', id: 'r2', model: undefined },
      { kind: 'stop', stop: 'content-filter' },
      {
        kind: 'usage',
        usage: { input: 3, output: undefined, cacheRead: undefined, cacheWrite: undefined, reasoning: undefined },
      },
    ],
  );
});

test('an error ends it', () => {
  const error = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'slow down' } };
  assert.deepEqual(stream(chunk([{ text: 'a' }]), error, chunk([{ text: 'b' }])), [
    START,
    { kind: 'text', text: 'a' },
    { kind: 'error', class: 'rate-limit', code: '429' },
  ]);
  assert.deepEqual(
    stream([error]).map(({ kind }) => kind),
    ['error'],
  );
});

test('documents: plain, as an array of chunks, wrapped by Code Assist, and without a reason', () => {
  const document = (value: unknown) => createDecoder().document(value);
  const whole = chunk([{ text: 'Hi' }], { finishReason: 'STOP' });
  const expected = [START, { kind: 'text', text: 'Hi' }, { kind: 'stop', stop: 'stop' }];
  assert.deepEqual(document(whole), expected);
  assert.deepEqual(document([whole]), expected);
  assert.deepEqual(document({ response: whole, traceId: 't' }), expected);
  assert.deepEqual(document(chunk([{ text: 'Hi' }])), expected);
});

test('what no other dialect has is a loss, once; odd values are survived', () => {
  const codes = stream(
    chunk([{ executableCode: { code: '1' } }, { executableCode: { code: '2' } }, { inlineData: { data: '' } }]),
    chunk([{ somethingNew: 1 }, null, 3], { groundingMetadata: {} }),
    { candidates: [{ index: 1, content: { parts: [{ text: 'second' }] } }] },
    { keepAlive: true },
    null,
    [],
    'text',
    { candidates: 'none' },
    { candidates: [null, { content: { parts: 'x' } }, { content: 7 }] },
  ).map((event) => (event.kind === 'loss' ? event.loss.code : event.kind));
  assert.deepEqual(codes, [
    'start',
    'server-tool',
    'output-modality',
    'unknown-part',
    'citations',
    'several-choices',
    'unknown-event',
  ]);
});
