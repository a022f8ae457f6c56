// SPDX-License-Identifier: Apache-2.0
// What hosts of OpenAI's dialects do that their documentation does not say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { document, open, phases, SSE, usageOf } from '../../../test/fixtures/dialects/read.ts';

const delta = (part: unknown, finish: string | null = null) => ({
  choices: [{ index: 0, delta: part, finish_reason: finish }],
});

test('OpenRouter: comments are no events, and the finish chunk may come twice', () => {
  const reader = open('openai-chat', SSE);
  reader.push(Buffer.from(': OPENROUTER PROCESSING\n\n'.repeat(100)));
  assert.deepEqual([reader.phase, reader.events], ['holding', 0]);
  const finish = { ...delta({ content: '' }, 'stop'), usage: { prompt_tokens: 3, completion_tokens: 1 } };
  assert.deepEqual(phases(reader, delta({ content: 'x' }), delta({ content: '' }, 'stop'), finish, '[DONE]'), [
    'content',
    'done',
    'done',
    'done',
  ]);
  assert.deepEqual([reader.deltas, reader.facts().stopRaw, ...usageOf(reader.facts())].slice(0, 4), [1, 'stop', 3, 1]);
});

test('OpenRouter: an error inside the stream, its code being an HTTP status', () => {
  const reader = open('openai-chat', SSE);
  assert.deepEqual(phases(reader, { error: { code: 429, message: 'slow', metadata: { provider_name: 'p' } } }), [
    'failed',
  ]);
  assert.deepEqual(reader.facts().error, { class: 'rate-limit', code: '429' });
  const late = open('openai-chat', SSE);
  assert.deepEqual(phases(late, delta({ content: 'x' }), { error: { code: 502, message: 'gone' }, choices: [] }), [
    'content',
    'done',
  ]);
  assert.equal(late.facts().error?.class, 'server');
});

test('a host without [DONE]: the finish reason ends the answer and the usage chunk after it is still read', () => {
  const reader = open('openai-chat', SSE);
  phases(reader, delta({ content: 'x' }), delta({}, 'length'));
  assert.equal(reader.phase, 'done');
  phases(reader, { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } });
  reader.end();
  assert.deepEqual(usageOf(reader.facts()).slice(0, 2), [7, 2]);
});

test('several choices: the answer ends with the last of them', () => {
  const reader = open('openai-chat', SSE);
  const choice = (index: number, finish: string | null) => ({
    choices: [{ index, delta: { content: 'x' }, finish_reason: finish }],
  });
  assert.deepEqual(phases(reader, choice(0, null), choice(1, null), choice(0, 'stop'), choice(1, 'stop')), [
    'content',
    'content',
    'content',
    'done',
  ]);
});

test('the first stop reason stays, and one that means an error fails', () => {
  const twice = open('openai-chat', SSE);
  phases(twice, delta({ content: 'x' }, 'length'), delta({}, 'stop'));
  assert.deepEqual([twice.facts().stop, twice.facts().stopRaw], ['length', 'length']);
  const failing = open('openai-chat', SSE);
  assert.deepEqual(phases(failing, delta({ role: 'assistant' }), delta({}, 'error')), ['holding', 'failed']);
  assert.deepEqual(failing.facts().error, { class: 'server', code: 'error' });
});

test('Mistral: content as a list, thinking in it; an empty list is nothing', () => {
  const reader = open('openai-chat', SSE);
  assert.deepEqual(
    phases(
      reader,
      delta({ content: [] }),
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'h' }] }] }),
    ),
    ['holding', 'content'],
  );
});

for (const member of ['reasoning_content', 'reasoning', 'refusal'] as const) {
  test(`chat: a ${member} delta is content, an empty one is not`, () => {
    const reader = open('openai-chat', SSE);
    assert.deepEqual(phases(reader, delta({ role: 'assistant', [member]: '' }), delta({ [member]: 'x' })), [
      'holding',
      'content',
    ]);
  });
}

test('chat: a refusal turns a plain stop into a refusal', () => {
  const reader = open('openai-chat', SSE);
  phases(reader, delta({ refusal: 'No.' }), delta({}, 'stop'));
  assert.equal(reader.facts().stop, 'refusal');
});

test('chat: a tool call counts from its name on', () => {
  const reader = open('openai-chat', SSE);
  const call = (fn: unknown) => delta({ tool_calls: [{ index: 0, id: 'c', function: fn }] });
  assert.deepEqual(phases(reader, call({ name: '', arguments: '' }), call({ name: 'f', arguments: '' })), [
    'holding',
    'content',
  ]);
});

test('Groq: usage in x_groq', () => {
  const reader = open('openai-chat', SSE);
  phases(
    reader,
    { ...delta({ content: '' }), x_groq: { id: 'r' } },
    { ...delta({}, 'stop'), x_groq: { usage: { prompt_tokens: 5, completion_tokens: 6 } } },
  );
  assert.deepEqual(usageOf(reader.facts()).slice(0, 2), [5, 6]);
});

test('DeepSeek and xAI count in their own ways', () => {
  const deepseek = document('openai-chat', {
    choices: [],
    usage: { prompt_tokens: 9, completion_tokens: 1, prompt_cache_hit_tokens: 8 },
  });
  assert.equal(deepseek.facts().usage.cacheRead, 8);
  const xai = document('openai-chat', {
    choices: [],
    usage: {
      prompt_tokens: 10,
      completion_tokens: 4,
      total_tokens: 114,
      completion_tokens_details: { reasoning_tokens: 100 },
    },
  });
  assert.deepEqual(usageOf(xai.facts()), [10, 104, undefined, undefined, 100]);
});

test('Responses: an error after response.created has failed the attempt, whichever of its three forms it has', () => {
  const created = { type: 'response.created', response: { id: 'r', status: 'in_progress' } };
  for (const error of [
    { type: 'response.failed', response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'm' } } },
    { type: 'error', code: 'rate_limit_exceeded', message: 'm', param: null, sequence_number: 2 },
    { type: 'error', status: 429, error: { type: 'rate_limit_error', code: 'rate_limit_exceeded', message: 'm' } },
  ]) {
    const reader = open('openai-responses', SSE);
    assert.deepEqual(phases(reader, created, error), ['holding', 'failed']);
    assert.deepEqual(reader.facts().error, { class: 'rate-limit', code: 'rate_limit_exceeded' });
  }
});

test('Responses: an error without a code has none', () => {
  const reader = open('openai-responses', SSE);
  phases(reader, { type: 'error', code: null, message: 'The server had an error', param: null });
  assert.deepEqual(reader.facts().error, { class: 'unknown', code: undefined });
});

test('Responses: a finished piece counts only where no deltas came', () => {
  const done = { type: 'response.output_text.done', text: 'x' };
  const deltas = (...events: readonly unknown[]) => {
    const reader = open('openai-responses', SSE);
    phases(reader, ...events);
    return reader.deltas;
  };
  assert.equal(deltas(done), 1);
  assert.equal(deltas({ type: 'response.output_text.delta', delta: 'x' }, done), 1);
});

test('Responses: a tool call with a name is content, and refusals are', () => {
  const call = open('openai-responses', SSE);
  assert.deepEqual(phases(call, { type: 'response.output_item.added', item: { type: 'function_call', name: 'f' } }), [
    'content',
  ]);
  const refusal = open('openai-responses', SSE);
  phases(
    refusal,
    { type: 'response.refusal.delta', delta: 'No.' },
    { type: 'response.completed', response: { status: 'completed' } },
  );
  assert.deepEqual([refusal.phase, refusal.facts().stop], ['done', 'refusal']);
});

test('Responses: incomplete tells why', () => {
  const reader = open('openai-responses', SSE);
  phases(reader, {
    type: 'response.incomplete',
    response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  });
  assert.deepEqual(
    [reader.phase, reader.facts().stop, reader.facts().stopRaw],
    ['done', 'length', 'max_output_tokens'],
  );
});
