// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubEvent } from '../../hub/hub.ts';
import { ChatAnswerDecoder } from './decode-answer.ts';

const START: HubEvent = { kind: 'start', id: 'a1', model: 'm' };

/** Chunks of one choice. */
function chunk(delta: object, rest: object = {}, choice: object = {}): object {
  return { id: 'a1', model: 'm', choices: [{ index: 0, delta, finish_reason: null, ...choice }], ...rest };
}

function finish(reason: string, rest: object = {}): object {
  return chunk({}, rest, { finish_reason: reason });
}

function stream(...chunks: readonly unknown[]): readonly HubEvent[] {
  const decoder = new ChatAnswerDecoder();
  const events = chunks.flatMap((value) => decoder.event(value));
  return [...events, ...decoder.end(), ...decoder.end()];
}

function whole(message: object, rest: object = {}, choice: object = {}): readonly HubEvent[] {
  const decoder = new ChatAnswerDecoder();
  const body = { id: 'a1', model: 'm', choices: [{ index: 0, message, finish_reason: 'stop', ...choice }], ...rest };
  return [...decoder.document(body), ...decoder.end()];
}

function usage(input: number, output: number, more: object = {}): HubEvent {
  const none = { cacheRead: undefined, cacheWrite: undefined, reasoning: undefined };
  return { kind: 'usage', usage: { input, output, ...none, ...more } };
}

const STOP: HubEvent = { kind: 'stop', stop: 'stop' };
const LOST: HubEvent = { kind: 'loss', loss: { code: 'unknown-event', at: '' } };

test('a plain stream: text, one stop, usage from the chunk without choices', () => {
  const counts = {
    prompt_tokens: 10,
    completion_tokens: 7,
    total_tokens: 17,
    prompt_tokens_details: { cached_tokens: 4 },
    completion_tokens_details: { reasoning_tokens: 3 },
  };
  assert.deepEqual(
    stream(
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({ content: 'Hel' }),
      chunk({ content: 'lo' }),
      finish('stop'),
      { id: 'a1', model: 'm', choices: [], usage: counts },
    ),
    [
      START,
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      STOP,
      usage(10, 7, { cacheRead: 4, reasoning: 3 }),
    ],
  );
});

test("Azure's first chunk is nothing yet; OpenRouter's second finish and usage in any place count once", () => {
  const counts = { prompt_tokens: 1, completion_tokens: 2 };
  assert.deepEqual(
    stream(
      { id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      chunk({ content: 'x' }),
      finish('stop', { usage: { prompt_tokens: 1, completion_tokens: 1 } }),
      finish('stop', { usage: counts }),
    ),
    [START, { kind: 'text', text: 'x' }, STOP, usage(1, 2)],
  );
  assert.deepEqual(stream(chunk({ content: 'x' }), finish('stop', { x_groq: { usage: counts } })).at(-1), usage(1, 2));
  const inChoice = chunk({}, {}, { finish_reason: 'stop', usage: counts });
  assert.deepEqual(stream(chunk({ content: 'x' }), inChoice).at(-1), usage(1, 2));
});

test('reasoning by all its names, told once where a host sends two of them', () => {
  const thought = (text: string): HubEvent => ({ kind: 'reasoning', text });
  assert.deepEqual(
    stream(
      chunk({ reasoning_content: 'a', reasoning: 'a' }),
      chunk({ reasoning: 'b', reasoning_details: [{ text: 'b' }] }),
      chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'c' }] }] }),
      chunk({ content: [{ type: 'text', text: 'd' }] }),
      finish('stop'),
    ),
    [START, thought('a'), thought('b'), thought('c'), { kind: 'text', text: 'd' }, STOP],
  );
});

test('tool calls in pieces, interleaved by index, end with the answer', () => {
  const piece = (index: number, more: object) => chunk({ tool_calls: [{ index, ...more }] });
  assert.deepEqual(
    stream(
      piece(0, { id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }),
      piece(1, { id: 'c2', type: 'function', function: { name: 'g', arguments: '{"b"' } }),
      piece(0, { function: { arguments: '{"a":1}' } }),
      piece(1, { function: { arguments: ':2}' } }),
      finish('tool_calls'),
    ),
    [
      START,
      { kind: 'tool-start', id: 'c1', name: 'f' },
      { kind: 'tool-start', id: 'c2', name: 'g' },
      { kind: 'tool-args', id: 'c2', text: '{"b"' },
      { kind: 'tool-args', id: 'c1', text: '{"a":1}' },
      { kind: 'tool-args', id: 'c2', text: ':2}' },
      { kind: 'tool-end', id: 'c1' },
      { kind: 'tool-end', id: 'c2' },
      { kind: 'stop', stop: 'tool-use' },
    ],
  );
});

/** The calls of an answer, put together. */
function callsOf(events: readonly HubEvent[]): readonly string[] {
  const calls = new Map<string, string>();
  for (const event of events) {
    if (event.kind === 'tool-start') calls.set(event.id, `${event.id} ${event.name} `);
    if (event.kind === 'tool-args') calls.set(event.id, (calls.get(event.id) ?? 'lost ') + event.text);
  }
  return [...calls.values()];
}

test('tool calls of hosts with other ideas about index and id', () => {
  const pieces = (...calls: readonly object[]) =>
    callsOf(stream(...calls.map((call) => chunk({ tool_calls: [call] }))));
  const f = { name: 'f', arguments: '{"a":1}' };
  const g = { name: 'g', arguments: '{"b":2}' };
  const both = ['c1 f {"a":1}', 'c2 g {"b":2}'];
  assert.deepEqual(pieces({ id: 'c1', function: f }, { id: 'c2', function: g }), both, 'no index');
  assert.deepEqual(pieces({ index: 0, id: 'c1', function: f }, { index: 0, id: 'c2', function: g }), both, 'always 0');
  assert.deepEqual(pieces({ index: -1, id: 'c1', function: f }, { index: -1, id: 'c2', function: g }), both, '-1');
  assert.deepEqual(pieces({ function: f }, { function: g }), ['call_0 f {"a":1}', 'call_1 g {"b":2}'], 'neither');
  assert.deepEqual(
    pieces({ id: 'c1', function: { name: 'f', arguments: '{"a"' } }, { function: { arguments: ':1}' } }),
    ['c1 f {"a":1}'],
    'only the first piece has an id',
  );
  assert.deepEqual(
    pieces({ index: 0, id: 'c1', function: { name: 'f', arguments: '' } }, { index: 0, id: 'c1', function: f }),
    ['c1 f {"a":1}'],
    'id and name in each piece',
  );
  assert.deepEqual(
    pieces(
      { index: 0, id: 'c1', function: { arguments: '{"a"' } },
      { index: 0, function: { name: 'f', arguments: ':1}' } },
    ),
    ['c1 f {"a":1}'],
    'the name comes late',
  );
  assert.deepEqual(
    pieces({ index: 0, id: 'x', function: f }, { index: 1, id: 'x', function: g }),
    ['x f {"a":1}', 'x_1 g {"b":2}'],
    'one id for two calls',
  );
  assert.deepEqual(
    pieces({ index: 0, id: 'c1', function: { name: 'f', arguments: { a: 1 } } }),
    ['c1 f {"a":1}'],
    'arguments as an object',
  );
});

test('a plain stop after calls is a stop for tools; text between pieces of a call loses nothing', () => {
  const call = (more: object) => chunk({ tool_calls: [{ index: 0, ...more }] });
  const events = stream(
    chunk({ content: 'first', tool_calls: [{ index: 0, id: 'c1', function: { name: 'f', arguments: '{' } }] }),
    chunk({ content: '\n' }),
    call({ function: { arguments: '}' } }),
    finish('STOP'),
  );
  assert.deepEqual(events.slice(1), [
    { kind: 'text', text: 'first' },
    { kind: 'tool-start', id: 'c1', name: 'f' },
    { kind: 'tool-args', id: 'c1', text: '{' },
    { kind: 'tool-args', id: 'c1', text: '}' },
    { kind: 'tool-end', id: 'c1' },
    { kind: 'text', text: '\n' },
    { kind: 'stop', stop: 'tool-use' },
  ]);
});

test('stop words of all hosts', () => {
  const stopOf = (reason: string, choice: object = {}) =>
    stream(chunk({ content: 'x' }), chunk({}, {}, { finish_reason: reason, ...choice })).at(-1);
  assert.deepEqual(stopOf('stop', { stop_reason: '###' }), { kind: 'stop', stop: 'stop', sequence: '###' });
  assert.deepEqual(stopOf('MAX_TOKENS'), { kind: 'stop', stop: 'length' });
  assert.deepEqual(stopOf('model_length'), { kind: 'stop', stop: 'length' });
  assert.deepEqual(stopOf('eos'), { kind: 'stop', stop: 'stop' });
  assert.deepEqual(stopOf('content_filter'), { kind: 'stop', stop: 'content-filter' });
  assert.deepEqual(stopOf('constructor'), { kind: 'stop', stop: 'other' });
  assert.deepEqual(stream(chunk({ refusal: 'no' }), finish('stop')).slice(1), [
    { kind: 'refusal', text: 'no' },
    { kind: 'stop', stop: 'refusal' },
  ]);
});

test('errors in a stream: at the top, in the choice, as a stop word; nothing comes after', () => {
  const failed = (...chunks: readonly object[]) => stream(...chunks, chunk({ content: 'late' })).slice(-1);
  assert.deepEqual(failed({ error: { message: 'x', code: 'rate_limit_exceeded' } }), [
    { kind: 'error', class: 'rate-limit', code: 'rate_limit_exceeded' },
  ]);
  assert.deepEqual(failed(chunk({ content: 'a' }), chunk({}, {}, { error: { code: 502, message: 'Bad gateway' } })), [
    { kind: 'error', class: 'server', code: '502' },
  ]);
  assert.deepEqual(failed(finish('insufficient_system_resource')), [
    { kind: 'error', class: 'server', code: 'insufficient_system_resource' },
  ]);
});

test('a whole answer', () => {
  const message = {
    role: 'assistant',
    content: 'hi',
    reasoning_content: 'hm',
    refusal: null,
    tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    annotations: [{ type: 'url_citation' }],
  };
  const counts = { prompt_tokens: 3, completion_tokens: 4, prompt_cache_hit_tokens: 2 };
  assert.deepEqual(whole(message, { usage: counts }, { finish_reason: 'tool_calls' }), [
    START,
    { kind: 'reasoning', text: 'hm' },
    { kind: 'text', text: 'hi' },
    { kind: 'tool-start', id: 'c1', name: 'f' },
    { kind: 'tool-args', id: 'c1', text: '{}' },
    { kind: 'loss', loss: { code: 'citations', at: '' } },
    { kind: 'tool-end', id: 'c1' },
    { kind: 'stop', stop: 'tool-use' },
    usage(3, 4, { cacheRead: 2 }),
  ]);
  assert.deepEqual(whole({ content: null }), [START, STOP]);
});

test('what is no answer is an error, whatever it is', () => {
  for (const value of [null, 1, 'x', [], {}, { choices: [] }, { choices: 'x' }]) {
    const events = new ChatAnswerDecoder().document(value);
    assert.equal(events.at(-1)?.kind, 'error');
  }
});

test('unknown events are told once and survived', () => {
  const odd = [null, 5, { type: 'ping' }, { choices: [null, { index: 1, delta: { content: 'other' } }] }];
  assert.deepEqual(stream(...odd, ...odd, chunk({ content: 'x', audio: { id: 'a' } }), finish('stop')), [
    LOST,
    START,
    { kind: 'text', text: 'x' },
    STOP,
  ]);
  assert.deepEqual(stream(chunk({ tool_calls: [{ index: 0, function: { arguments: '{' } }] })).slice(-2), [LOST, STOP]);
});

test('a stream that ends in good order without a finish is ended', () => {
  assert.deepEqual(stream(), [{ kind: 'start', id: undefined, model: undefined }, STOP]);
  const call = { index: 0, id: 'c', function: { name: 'f', arguments: '{}' } };
  assert.deepEqual(stream(chunk({ tool_calls: [call] })).slice(-2), [
    { kind: 'tool-end', id: 'c' },
    { kind: 'stop', stop: 'tool-use' },
  ]);
});
