// SPDX-License-Identifier: Apache-2.0
// The fault matrix for callers of OpenAI's chat completions: backups are another host of the same dialect, and Anthropic.

import assert from 'node:assert/strict';
import { type Caller, counted, members, only, type Streamed, sseEvents, words } from './failover-caller.ts';
import { testMatrix } from './failover-matrix.ts';
import { LEAK, type Play } from './failover-primary.ts';

function refusal(status: number, code: string, message: string): Extract<Play, { kind: 'answer' }> {
  const error = { message: `${LEAK}: ${message}`, type: 'invalid_request_error', param: null, code };
  return { kind: 'answer', status, headers: [], body: JSON.stringify({ error }) };
}

function whole(body: string): { readonly text: string; readonly model: string } {
  const answer = members(JSON.parse(body));
  assert.equal(answer['object'], 'chat.completion');
  assert.match(words(answer['id']), /^chatcmpl-./);
  const choice = only(answer['choices']);
  assert.deepEqual([choice['index'], choice['finish_reason']], [0, 'stop']);
  const message = members(choice['message']);
  assert.equal(message['role'], 'assistant');
  countedUsage(answer['usage']);
  return { text: words(message['content']), model: words(answer['model']) };
}

function countedUsage(value: unknown): void {
  const usage = members(value);
  for (const name of ['prompt_tokens', 'completion_tokens', 'total_tokens']) counted(usage[name]);
}

function streamed(body: Buffer): Streamed {
  const ids = new Set<unknown>();
  const models = new Set<unknown>();
  const errors: string[] = [];
  let [text, roles, finished, usages, done] = ['', 0, 0, 0, false];
  for (const { name, data } of sseEvents(body)) {
    assert.equal(name, undefined);
    assert.equal(done || errors.length > 0, false, `after the end: ${data}`);
    if (data === '[DONE]') {
      done = true;
      continue;
    }
    const chunk = members(JSON.parse(data));
    if (chunk['error'] !== undefined) {
      errors.push(words(members(chunk['error'])['message']));
      continue;
    }
    assert.equal(chunk['object'], 'chat.completion.chunk');
    ids.add(chunk['id']);
    models.add(chunk['model']);
    const choices = chunk['choices'] as readonly unknown[];
    if (choices.length === 0) {
      assert.equal(finished, 1);
      countedUsage(chunk['usage']);
      usages += 1;
      continue;
    }
    const choice = only(choices);
    const delta = members(choice['delta']);
    if (delta['role'] !== undefined) roles += 1;
    assert.equal(roles, 1, 'the role comes once, and first');
    assert.equal(finished, 0);
    if (typeof delta['content'] === 'string') text += delta['content'];
    if (typeof choice['finish_reason'] === 'string') finished += 1;
  }
  assert.deepEqual([ids.size, models.size], [1, 1], 'chunks of two answers');
  if (done) assert.deepEqual([finished, usages], [1, 1]);
  return { text, done, errors, model: String([...models][0]) };
}

const caller: Caller = {
  dialect: 'openai-chat',
  modes: ['json', 'stream'],
  type: 'openai',
  sameModel: 'gpt-4o-mini',
  other: { type: 'anthropic', model: 'claude-sonnet-4-6' },
  family: 'openai',
  preamble: 1,
  inBand: 'bad-answer',
  path: () => '/v1/chat/completions',
  body: (model, prompt, mode) => ({
    model,
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: prompt },
    ],
    ...(mode === 'json' ? {} : { stream: true, stream_options: { include_usage: true } }),
  }),
  whole,
  streamed,
  error: (body) => words(members(members(JSON.parse(body))['error'])['message']),
  refusals: {
    quota: refusal(
      429,
      'insufficient_quota',
      'You exceeded your current quota, please check your plan and billing details.',
    ),
    noModel: refusal(404, 'model_not_found', 'The model `case` does not exist or you do not have access to it.'),
    tooLong: refusal(400, 'context_length_exceeded', 'the maximum context length is 128000 tokens'),
  },
};

testMatrix(caller);
