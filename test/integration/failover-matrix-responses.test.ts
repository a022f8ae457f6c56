// SPDX-License-Identifier: Apache-2.0
// The fault matrix for callers of OpenAI's Responses: backups are another host of the same dialect, and Anthropic.

import assert from 'node:assert/strict';
import { type Caller, counted, members, only, type Streamed, sseEvents, words } from './failover-caller.ts';
import { testMatrix } from './failover-matrix.ts';
import { LEAK, type Play } from './failover-primary.ts';

function refusal(status: number, code: string, message: string): Extract<Play, { kind: 'answer' }> {
  const error = { message: `${LEAK}: ${message}`, type: 'invalid_request_error', param: null, code };
  return { kind: 'answer', status, headers: [], body: JSON.stringify({ error }) };
}

/** A finished response. */
function finished(value: unknown): { readonly text: string; readonly model: string; readonly id: string } {
  const response = members(value);
  assert.deepEqual([response['object'], response['status'], response['error']], ['response', 'completed', null]);
  const item = only(response['output']);
  assert.deepEqual([item['type'], item['role'], item['status']], ['message', 'assistant', 'completed']);
  const part = only(item['content']);
  assert.equal(part['type'], 'output_text');
  assert.ok(Array.isArray(part['annotations']));
  const usage = members(response['usage']);
  for (const name of ['input_tokens', 'output_tokens', 'total_tokens']) counted(usage[name]);
  return { text: words(part['text']), model: words(response['model']), id: words(response['id']) };
}

function streamed(body: Buffer): Streamed {
  const errors: string[] = [];
  const types: string[] = [];
  let [text, id, model, done] = ['', '', '', false];
  for (const { name, data } of sseEvents(body)) {
    const event = members(JSON.parse(data));
    const type = words(event['type']);
    assert.equal(name, type);
    assert.equal(done || errors.length > 0, false, `after the end: ${data}`);
    if (type === 'error') {
      errors.push(words(event['message']));
      continue;
    }
    assert.equal(event['sequence_number'], types.length);
    types.push(type);
    // What is not told of one item belongs to the whole answer.
    if (type === 'response.created') id = words(members(event['response'])['id']);
    if (type === 'response.output_text.delta') text += words(event['delta']);
    if (type === 'response.output_text.done') assert.equal(event['text'], text);
    if (type === 'response.completed') {
      const whole = finished(event['response']);
      assert.deepEqual([whole.text, whole.id], [text, id]);
      model = whole.model;
      done = true;
    }
  }
  assert.equal(types[0], 'response.created');
  assert.equal(types.lastIndexOf('response.created'), 0, 'the beginnings of two answers');
  const counts = (type: string): number => types.filter((each) => each === type).length;
  for (const what of ['output_item', 'content_part']) {
    assert.equal(counts(`response.${what}.added`), 1);
    assert.equal(counts(`response.${what}.done`), done ? 1 : 0);
  }
  return { text, done, errors, model: done ? model : undefined };
}

const caller: Caller = {
  dialect: 'openai-responses',
  modes: ['json', 'stream'],
  type: 'openai',
  sameModel: 'gpt-4o-mini',
  other: { type: 'anthropic', model: 'claude-sonnet-4-6' },
  family: 'openai',
  preamble: 4,
  inBand: 'bad-answer',
  path: () => '/v1/responses',
  body: (model, prompt, mode) => ({
    model,
    instructions: 'be brief',
    input: [{ role: 'user', content: [{ type: 'input_text', text: prompt }] }],
    store: false,
    ...(mode === 'json' ? {} : { stream: true }),
  }),
  whole: (body) => finished(JSON.parse(body)),
  streamed,
  error: (body) => words(members(members(JSON.parse(body))['error'])['message']),
  refusals: {
    quota: refusal(
      429,
      'insufficient_quota',
      'You exceeded your current quota, please check your plan and billing details.',
    ),
    // Here this dialect says 400.
    noModel: refusal(400, 'model_not_found', 'The requested model does not exist.'),
    tooLong: refusal(400, 'context_length_exceeded', 'Your input exceeds the context window of this model.'),
  },
};

testMatrix(caller);
