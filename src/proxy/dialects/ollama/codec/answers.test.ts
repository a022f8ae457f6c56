// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAll, joined } from '../../../../../test/fakes/hub-answers.ts';
import { seededBelow } from '../../../../../test/fakes/random.ts';
import { NdjsonParser } from '../../framing/ndjson.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { ollamaCodec } from './codec.ts';

const { request } = ollamaCodec.decodeRequest(
  { dialect: 'ollama', operation: 'generate', pathModel: undefined, pathStream: undefined },
  { model: 'asked', messages: [] },
);
const START: HubEvent = { kind: 'start', id: undefined, model: 'asked' };
const STOP: HubEvent = { kind: 'stop', stop: 'stop' };

function usage(input: number, output: number, cacheRead?: number): HubEvent {
  return { kind: 'usage', usage: { input, output, cacheRead, cacheWrite: undefined, reasoning: undefined } };
}

function bytes(events: readonly HubEvent[], whole = false, createdAt = 1700000000): Buffer {
  assert.ok(request !== undefined);
  const framing = whole ? undefined : 'ndjson';
  const encoder = ollamaCodec.createEncoder({ framing, model: 'asked', id: 'x1', createdAt, request });
  return encodeAll(encoder, events);
}

function stream(...lines: readonly unknown[]): readonly HubEvent[] {
  const decoder = ollamaCodec.createDecoder();
  return [...lines.flatMap((line) => decoder.event(line, '')), ...decoder.end(), ...decoder.end()];
}

function line(message: object, rest: object = {}): object {
  return {
    model: 'asked',
    created_at: 'now',
    message: { role: 'assistant', content: '', ...message },
    done: false,
    ...rest,
  };
}

test('a stream: thinking, text, whole calls, counts with the last line', () => {
  const calls = [
    { id: 'c1', function: { name: 'f', arguments: { a: 1 } } },
    { function: { name: 'g', arguments: {} } },
  ];
  assert.deepEqual(
    stream(
      line({ thinking: 'hm' }),
      line({ content: 'hi' }),
      line({ tool_calls: calls }),
      line({}, { done: true, done_reason: 'stop', prompt_eval_count: 9, prompt_eval_cached_count: 5, eval_count: 4 }),
      line({ content: 'late' }),
    ),
    [
      START,
      { kind: 'reasoning', text: 'hm' },
      { kind: 'text', text: 'hi' },
      { kind: 'tool-start', id: 'c1', name: 'f' },
      { kind: 'tool-args', id: 'c1', text: '{"a":1}' },
      { kind: 'tool-end', id: 'c1' },
      { kind: 'tool-start', id: 'call_1', name: 'g' },
      { kind: 'tool-args', id: 'call_1', text: '{}' },
      { kind: 'tool-end', id: 'call_1' },
      { kind: 'stop', stop: 'tool-use' },
      usage(9, 4, 5),
    ],
  );
});

test('ids of calls are unique, whatever the server says', () => {
  const same = { id: 'call_1', function: { name: 'f', arguments: {} } };
  const ids = stream(line({ tool_calls: [same, same, { function: { name: 'g' } }] })).flatMap((event) =>
    event.kind === 'tool-start' ? [event.id] : [],
  );
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 3);
});

test('errors and odd events', () => {
  assert.deepEqual(stream(line({ content: 'x' }), { error: 'model "q" not found' }, line({ content: 'y' })).slice(1), [
    { kind: 'text', text: 'x' },
    { kind: 'error', class: 'model-not-found', code: undefined },
  ]);
  assert.deepEqual(
    stream(null, 3, { done: 'x' }, line({ content: 'x' }), line({}, { done: true, done_reason: 'length' })),
    [
      { kind: 'loss', loss: { code: 'unknown-event', at: '' } },
      START,
      { kind: 'text', text: 'x' },
      { kind: 'stop', stop: 'length' },
    ],
  );
  for (const value of [null, [], {}, { response: 'x', done: 1 }]) {
    assert.equal(ollamaCodec.createDecoder().document(value).at(-1)?.kind, 'error');
  }
  assert.deepEqual(ollamaCodec.createDecoder().document(line({ content: 'x' }, { done: true })), [
    START,
    { kind: 'text', text: 'x' },
    STOP,
  ]);
});

test('lines, byte for byte', () => {
  const head = '{"model":"asked","created_at":"2023-11-14T22:13:20.000Z","message":{"role":"assistant","content":';
  const events: readonly HubEvent[] = [
    { kind: 'start', id: 'theirs', model: 'theirs' },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'text', text: 'a\n"b"' },
    { kind: 'refusal', text: 'no' },
    { kind: 'tool-start', id: 'c1', name: 'f' },
    { kind: 'tool-start', id: 'c2', name: 'g' },
    { kind: 'tool-args', id: 'c1', text: '{"a":' },
    { kind: 'tool-args', id: 'c1', text: '1}' },
    { kind: 'tool-end', id: 'c2' },
    { kind: 'tool-end', id: 'c1' },
    { kind: 'stop', stop: 'tool-use' },
    usage(9, 4, 5),
  ];
  assert.equal(
    bytes(events).toString(),
    `${head}"","thinking":"hm"},"done":false}\n` +
      `${head}"a\\n\\"b\\""},"done":false}\n` +
      `${head}"no"},"done":false}\n` +
      `${head}"","tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"a":1}}}]},"done":false}\n` +
      `${head}"","tool_calls":[{"id":"c2","function":{"name":"g","arguments":{}}}]},"done":false}\n` +
      `${head}""},"done":true,"done_reason":"stop","prompt_eval_count":9,"prompt_eval_cached_count":5,"eval_count":4}\n`,
  );
});

test('a call that is cut off is left out, and the answer says that it is not whole', () => {
  const events: readonly HubEvent[] = [
    START,
    { kind: 'tool-start', id: 'c1', name: 'f' },
    { kind: 'tool-args', id: 'c1', text: '{"a":' },
    { kind: 'stop', stop: 'tool-use' },
  ];
  for (const whole of [false, true]) {
    const text = bytes(events, whole).toString();
    assert.equal(text.includes('tool_calls'), false);
    assert.match(text, /"done_reason":"length"/);
  }
});

test('a date beyond all calendars throws nothing', () => {
  assert.match(bytes([START], false, Number.MAX_VALUE).toString(), /"created_at":"1970-01-01T/);
});

const PIECES = ['a', ' "\\', '\n\n', 'ä€', '👋🏽', '\u2028', '{"done":true}', 'x'.repeat(300)];

test('what is encoded decodes to the same events, in any slicing, streamed and whole', () => {
  for (let seed = 0; seed < 300; seed++) {
    const pick = seededBelow(seed);
    const text = () => PIECES[pick(PIECES.length)] ?? '';
    const events: HubEvent[] = [START];
    for (const kind of ['reasoning', 'text'] as const)
      for (let n = pick(4); n > 0; n--) events.push({ kind, text: text() });
    const calls = pick(4);
    for (let index = 0; index < calls; index++) {
      const id = `c${index}`;
      events.push({ kind: 'tool-start', id, name: `f${index}` });
      events.push({ kind: 'tool-args', id, text: JSON.stringify({ z: text(), a: [pick(9)] }) });
      events.push({ kind: 'tool-end', id });
    }
    events.push({ kind: 'stop', stop: calls > 0 ? 'tool-use' : 'length' }, usage(pick(99), pick(99), pick(9)));

    const wire = bytes(events);
    const decoder = ollamaCodec.createDecoder();
    const found: HubEvent[] = [];
    const parser = new NdjsonParser({
      event: (data) => found.push(...decoder.event(parseValue(data), '')),
      skipped: () => assert.fail('skipped'),
      garbled: () => assert.fail('garbled'),
    });
    for (let at = 0; at < wire.length; ) {
      const size = seed % 3 === 0 ? 1 : 1 + pick(200);
      parser.push(wire.subarray(at, at + size));
      at += size;
    }
    parser.end();
    found.push(...decoder.end());
    assert.deepEqual(joined(found), joined(events), `seed ${seed}`);
    const whole = ollamaCodec.createDecoder().document(JSON.parse(bytes(events, true).toString()));
    assert.deepEqual(joined(whole), joined(events), `seed ${seed}, whole`);
  }
});
