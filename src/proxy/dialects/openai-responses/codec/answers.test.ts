// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyAnswer, decodeSse, encodeAll, joined } from '../../../../../test/fakes/hub-answers.ts';
import { QUESTION } from '../../../../../test/fakes/hub-target.ts';
import { seededBelow } from '../../../../../test/fakes/random.ts';
import type { EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { openaiResponses } from '../dialect.ts';
import { createDecoder } from './decode-answer.ts';
import { createEncoder } from './encode-answer.ts';

const SHOWN = { ...QUESTION, reasoning: { effort: undefined, budgetTokens: undefined, visible: true } };
const STREAM: EncoderOptions = { framing: 'sse', model: 'asked', id: 'x1', createdAt: 7, request: SHOWN };
const WHOLE: EncoderOptions = { ...STREAM, framing: undefined };

function events(...values: readonly unknown[]): readonly HubEvent[] {
  const decoder = createDecoder();
  return [...values.flatMap((value) => decoder.event(value, '')), ...decoder.end()];
}

/** Type and members of each event on the wire, without the response objects. */
function wire(bytes: Buffer): readonly Record<string, unknown>[] {
  return bytes
    .toString()
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const [name, data, ...rest] = block.split('\n');
      const value = parseValue(data?.slice('data: '.length) ?? '') as Record<string, unknown>;
      assert.equal(name, `event: ${value['type']}`);
      assert.deepEqual(rest, []);
      const { response: _response, ...members } = value;
      return members;
    });
}

test('the grammar of a stream: reasoning, text, refusal, overlapping calls', () => {
  const bytes = encodeAll(createEncoder(STREAM), [
    { kind: 'start', id: 'p', model: 'm' },
    { kind: 'reasoning', text: 'Hm' },
    { kind: 'text', text: 'He' },
    { kind: 'text', text: 'y' },
    { kind: 'refusal', text: 'No' },
    { kind: 'tool-start', id: 'call_A', name: 'f' },
    { kind: 'tool-start', id: 'call_B', name: 'g' },
    { kind: 'tool-args', id: 'call_B', text: '{}' },
    { kind: 'tool-args', id: 'call_A', text: '{"a":1}' },
    { kind: 'tool-end', id: 'call_A' },
    { kind: 'stop', stop: 'tool-use' },
    { kind: 'usage', usage: { input: 9, output: 5, cacheRead: 4, cacheWrite: undefined, reasoning: 2 } },
  ]);
  const seen = wire(bytes);
  assert.deepEqual(
    seen.map(({ sequence_number }) => sequence_number),
    seen.map((_, index) => index),
  );
  assert.deepEqual(
    seen.map(({ type, output_index, content_index, delta }) =>
      [String(type).slice('response.'.length), output_index, content_index, delta]
        .filter((part) => part !== undefined)
        .join(' '),
    ),
    [
      'created',
      'in_progress',
      'output_item.added 0',
      'reasoning_summary_part.added 0',
      'reasoning_summary_text.delta 0 Hm',
      'reasoning_summary_text.done 0',
      'reasoning_summary_part.done 0',
      'output_item.done 0',
      'output_item.added 1',
      'content_part.added 1 0',
      'output_text.delta 1 0 He',
      'output_text.delta 1 0 y',
      'output_text.done 1 0',
      'content_part.done 1 0',
      'content_part.added 1 1',
      'refusal.delta 1 1 No',
      'refusal.done 1 1',
      'content_part.done 1 1',
      'output_item.done 1',
      'output_item.added 2',
      'output_item.added 3',
      'function_call_arguments.delta 3 {}',
      'function_call_arguments.delta 2 {"a":1}',
      'function_call_arguments.done 2',
      'output_item.done 2',
      'function_call_arguments.done 3',
      'output_item.done 3',
      'completed',
    ],
  );
  assert.equal(
    bytes.toString().split('\n\n')[10],
    'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_outpost_x1_1","output_index":1,"content_index":0,"delta":"He","logprobs":[],"sequence_number":10}',
  );
  const last = parseValue(bytes.toString().split('data: ').at(-1) ?? '') as { response: Record<string, unknown> };
  assert.deepEqual(last.response['usage'], {
    input_tokens: 9,
    input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 2 },
    total_tokens: 14,
  });
  assert.deepEqual(
    (last.response['output'] as readonly { type: string; status?: string }[]).map(({ type, status }) => [type, status]),
    [
      ['reasoning', undefined],
      ['message', 'completed'],
      ['function_call', 'completed'],
      ['function_call', 'completed'],
    ],
  );
});

test('any answer comes back as it was, however its bytes are cut', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededBelow(seed);
    const said = anyAnswer(random, { refusals: true, overlaps: true });
    const bytes = encodeAll(createEncoder(STREAM), said);
    const expected = joined(said).map((event) => {
      return event.kind === 'start' ? { kind: 'start', id: 'resp_x1', model: 'asked' } : event;
    });
    const got = joined(decodeSse(createDecoder(), bytes, () => 1 + random(40))).map(withoutZeroes);
    assert.deepEqual(got, expected, `seed ${seed}`);
    const reader = openaiResponses.readAnswer(
      { dialect: 'openai-responses', operation: 'generate', pathModel: undefined, pathStream: undefined },
      {
        understood: true,
        model: 'm',
        otherModel: undefined,
        stream: true,
        messageCount: 1,
        toolNames: [],
        modelSpan: undefined,
        textSpans: () => [],
      },
      { status: 200, contentType: 'text/event-stream' },
    );
    reader.push(bytes);
    assert.equal(reader.phase, 'done');
  }
});

test('a document says the same as the stream', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const said = anyAnswer(seededBelow(seed), { refusals: true, overlaps: false });
    const bytes = encodeAll(createEncoder(WHOLE), said);
    const expected = joined(said).map((event) => {
      return event.kind === 'start' ? { kind: 'start', id: 'resp_x1', model: 'asked' } : event;
    });
    assert.deepEqual(
      joined(createDecoder().document(parseValue(bytes.toString()))).map(withoutZeroes),
      expected,
      `seed ${seed}`,
    );
  }
});

/** Counts that the hub leaves out are written as 0. */
function withoutZeroes(event: HubEvent): HubEvent {
  return event.kind === 'usage'
    ? { ...event, usage: { ...event.usage, cacheWrite: undefined, reasoning: undefined } }
    : event;
}

test('stop reasons, both ways', () => {
  const rows = [
    ['stop', 'completed', null, 'stop'],
    ['length', 'incomplete', { reason: 'max_output_tokens' }, 'length'],
    ['content-filter', 'incomplete', { reason: 'content_filter' }, 'content-filter'],
    ['refusal', 'completed', null, 'stop'],
    ['pause', 'completed', null, 'stop'],
    ['other', 'completed', null, 'stop'],
  ] as const;
  for (const [stop, status, details, back] of rows) {
    const bytes = encodeAll(createEncoder(WHOLE), [
      { kind: 'text', text: 'x' },
      { kind: 'stop', stop },
    ]);
    const response = parseValue(bytes.toString()) as Record<string, unknown>;
    assert.deepEqual([response['status'], response['incomplete_details']], [status, details]);
    assert.deepEqual(createDecoder().document(response).at(-1), { kind: 'stop', stop: back });
  }
  const failed = parseValue(encodeAll(createEncoder(WHOLE), [{ kind: 'stop', stop: 'error' }]).toString());
  assert.deepEqual(createDecoder().document(failed).at(-1), { kind: 'error', class: 'server', code: 'server_error' });
  const steered = { status: 'incomplete', incomplete_details: { reason: 'steered' }, output: [] };
  assert.deepEqual(createDecoder().document(steered).at(-1), { kind: 'stop', stop: 'other' });
});

test('what is cut off says so itself', () => {
  const cut: readonly HubEvent[] = [
    { kind: 'tool-start', id: 'c', name: 'f' },
    { kind: 'tool-args', id: 'c', text: '{"a' },
    { kind: 'stop', stop: 'length' },
  ];
  const response = parseValue(encodeAll(createEncoder(WHOLE), cut).toString()) as { output: readonly unknown[] };
  assert.deepEqual(response.output, [
    { id: 'fc_outpost_x1_0', type: 'function_call', status: 'incomplete', arguments: '{"a', call_id: 'c', name: 'f' },
  ]);
});

test('a call without arguments has an empty object; reasoning is shown to those who ask', () => {
  const said: readonly HubEvent[] = [
    { kind: 'reasoning', text: 'secret' },
    { kind: 'tool-start', id: 'c', name: 'f' },
    { kind: 'tool-end', id: 'c' },
  ];
  const response = parseValue(encodeAll(createEncoder({ ...WHOLE, request: QUESTION }), said).toString());
  assert.deepEqual((response as { output: readonly unknown[] }).output, [
    { id: 'fc_outpost_x1_0', type: 'function_call', status: 'completed', arguments: '{}', call_id: 'c', name: 'f' },
  ]);
});

const CREATED = { type: 'response.created', response: { id: 'resp_1', model: 'gpt', status: 'in_progress' } };
const START: HubEvent = { kind: 'start', id: 'resp_1', model: 'gpt' };
const DONE = { type: 'response.completed', response: { id: 'resp_1', status: 'completed' } };
const CALL = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f' };

test('pieces that a host leaves out are taken from the next event that has them, once', () => {
  const message = { type: 'message', id: 'msg_1', content: [{ type: 'output_text', text: 'hello' }] };
  const place = { output_index: 0, content_index: 0, item_id: 'msg_1' };
  const steps = [
    { type: 'response.output_text.delta', ...place, delta: 'hello' },
    { type: 'response.output_text.done', ...place, text: 'hello' },
    { type: 'response.content_part.done', ...place, part: message.content[0] },
    { type: 'response.output_item.done', output_index: 0, item: message },
    { type: 'response.completed', response: { status: 'completed', output: [message] } },
  ];
  for (let first = 0; first < steps.length; first++) {
    const seen = events(CREATED, ...steps.slice(first), ...(first === 4 ? [] : [DONE]));
    assert.deepEqual(seen, [START, { kind: 'text', text: 'hello' }, { kind: 'stop', stop: 'stop' }], `from ${first}`);
  }
  const called: readonly HubEvent[] = [
    START,
    { kind: 'tool-start', id: 'call_1', name: 'f' },
    { kind: 'tool-args', id: 'call_1', text: '{"a":1}' },
    { kind: 'tool-end', id: 'call_1' },
    { kind: 'stop', stop: 'tool-use' },
  ];
  const args = '{"a":1}';
  const added = { type: 'response.output_item.added', output_index: 0, item: { ...CALL, arguments: '' } };
  const calls = [
    { type: 'response.function_call_arguments.delta', output_index: 0, delta: args },
    { type: 'response.function_call_arguments.done', output_index: 0, arguments: args },
    { type: 'response.output_item.done', output_index: 0, item: { ...CALL, arguments: args } },
    { type: 'response.completed', response: { status: 'completed', output: [{ ...CALL, arguments: args }] } },
  ];
  for (let first = 0; first < calls.length; first++) {
    assert.deepEqual(events(CREATED, added, ...calls.slice(first)), called, `from ${first}`);
  }
});

test('parallel calls are told apart by index, and ids are unique and never empty', () => {
  const item = (index: number, id: string) => ({
    type: 'response.output_item.added',
    output_index: index,
    item: { ...CALL, id: undefined, call_id: id },
  });
  const delta = (index: number, text: string) => ({
    type: 'response.function_call_arguments.delta',
    output_index: index,
    delta: text,
  });
  const seen = events(item(0, 'a'), item(1, 'a'), item(2, ''), delta(1, '1'), delta(0, '0'), delta(2, '2'), DONE);
  const ids = seen.flatMap((event) => (event.kind === 'tool-start' ? [event.id] : []));
  assert.equal(new Set(ids).size, 3);
  assert.ok(ids.every((id) => id !== ''));
  assert.deepEqual(
    seen.flatMap((event) => (event.kind === 'tool-args' ? [[event.id, event.text]] : [])),
    [
      [ids[1], '1'],
      [ids[0], '0'],
      [ids[2], '2'],
    ],
  );
  assert.equal(seen.filter(({ kind }) => kind === 'tool-end').length, 3);
});

test('reasoning: summary parts are one text, raw text is not told twice, what is encrypted is kept with its id', () => {
  const seen = events(
    CREATED,
    { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning', id: 'rs_1', summary: [] } },
    { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'One' },
    { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'raw' },
    { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 1, delta: 'Two' },
    {
      type: 'response.output_item.done',
      output_index: 0,
      item: { type: 'reasoning', id: 'rs_1', summary: [{ text: 'One' }, { text: 'Two' }], encrypted_content: 'gA' },
    },
    DONE,
  );
  assert.equal(seen.map((event) => (event.kind === 'reasoning' ? event.text : '')).join(''), 'One\n\nTwo');
  assert.deepEqual(seen.at(-2), {
    kind: 'reasoning-opaque',
    opaque: { dialect: 'openai-responses', form: 'encrypted', data: 'gA', id: 'rs_1' },
  });
});

test('errors in the stream, in their three shapes', () => {
  const code = 'rate_limit_exceeded';
  const shapes = [
    { type: 'error', code, message: 'x', param: null },
    { type: 'error', error: { type: 'tokens', code, message: 'x' } },
    { type: 'response.failed', response: { status: 'failed', error: { code, message: 'x' } } },
  ];
  for (const shape of shapes) {
    assert.deepEqual(events(CREATED, shape, DONE), [START, { kind: 'error', class: 'rate-limit', code }]);
  }
});

test('unknown events and citations are losses, once; keep-alives are nothing', () => {
  const loss = (code: 'unknown-event' | 'citations'): HubEvent => ({ kind: 'loss', loss: { code, at: '' } });
  const annotation = { type: 'response.output_text.annotation.added', output_index: 0 };
  const search = { type: 'response.web_search_call.searching', output_index: 0 };
  const seen = events(
    CREATED,
    { type: 'keepalive' },
    { type: 'codex.rate_limits' },
    search,
    search,
    7,
    annotation,
    annotation,
    DONE,
    DONE,
  );
  assert.deepEqual(seen, [START, loss('unknown-event'), loss('citations'), { kind: 'stop', stop: 'stop' }]);
});

test('usage includes what is cached and what was thought', () => {
  const usage = {
    input_tokens: 20,
    input_tokens_details: { cached_tokens: 15 },
    output_tokens: 9,
    output_tokens_details: { reasoning_tokens: 4 },
  };
  const [, told] = events({
    type: 'response.completed',
    response: { id: 'resp_1', model: 'gpt', status: 'completed', output: [], usage },
  });
  assert.deepEqual(told, {
    kind: 'usage',
    usage: { input: 20, output: 9, cacheRead: 15, cacheWrite: undefined, reasoning: 4 },
  });
});

test('no answer at all, or one of odd shape, never throws', () => {
  for (const value of [null, 7, 'x', [], {}, { output: 7 }, { output: [null, 7, { type: 'message', content: 7 }] }]) {
    const decoder = createDecoder();
    assert.ok(Array.isArray(decoder.document(value)));
    assert.ok(Array.isArray(createDecoder().event(value, 'response.completed')));
    for (const type of [
      'response.output_item.added',
      'response.output_item.done',
      'response.content_part.done',
      'error',
    ]) {
      assert.ok(Array.isArray(createDecoder().event({ type, item: value, part: value, error: value }, '')));
    }
  }
  let deep: Record<string, unknown> = {};
  for (let depth = 0; depth < 30_000; depth++) deep = { items: deep };
  const tools = [{ name: 'f', description: undefined, parameters: deep, strict: undefined }];
  assert.ok(encodeAll(createEncoder({ ...STREAM, request: { ...QUESTION, tools } }), []).includes('"tools":[]'));
  const empty = encodeAll(createEncoder(STREAM), []);
  assert.deepEqual(
    wire(empty).map(({ type }) => type),
    ['response.created', 'response.in_progress', 'response.completed'],
  );
});
