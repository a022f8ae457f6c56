// SPDX-License-Identifier: Apache-2.0
// The fault matrix for callers of Anthropic's messages: backups are another host of the same dialect, and OpenAI.

import assert from 'node:assert/strict';
import { type Caller, counted, members, only, type Streamed, sseEvents, words } from './failover-caller.ts';
import { testMatrix } from './failover-matrix.ts';
import { LEAK, type Play } from './failover-primary.ts';

function refusal(status: number, type: string, message: string): Extract<Play, { kind: 'answer' }> {
  const body = JSON.stringify({ type: 'error', error: { type, message: `${message} (${LEAK})` } });
  return { kind: 'answer', status, headers: [], body };
}

function sentence(value: unknown): string {
  const body = members(value);
  assert.equal(body['type'], 'error');
  const error = members(body['error']);
  assert.match(words(error['type']), /_error$|^request_too_large$/);
  return words(error['message']);
}

function whole(body: string): { readonly text: string; readonly model: string } {
  const answer = members(JSON.parse(body));
  assert.deepEqual([answer['type'], answer['role'], answer['stop_reason']], ['message', 'assistant', 'end_turn']);
  const usage = members(answer['usage']);
  for (const name of ['input_tokens', 'output_tokens']) counted(usage[name]);
  const block = only(answer['content']);
  assert.equal(block['type'], 'text');
  return { text: words(block['text']), model: words(answer['model']) };
}

function streamed(body: Buffer): Streamed {
  const errors: string[] = [];
  const types: string[] = [];
  let [text, model] = ['', ''];
  for (const { name, data } of sseEvents(body)) {
    const event = members(JSON.parse(data));
    const type = words(event['type']);
    assert.equal(name, type);
    assert.equal(errors.length, 0, `after the end: ${data}`);
    switch (type) {
      case 'error':
        errors.push(sentence(event));
        continue;
      case 'ping':
        continue;
      case 'message_start': {
        const message = members(event['message']);
        assert.deepEqual([message['role'], message['content'], message['stop_reason']], ['assistant', [], null]);
        members(message['usage']);
        model = words(message['model']);
        break;
      }
      case 'content_block_start':
        assert.deepEqual(members(event['content_block']), { type: 'text', text: '' });
        assert.equal(event['index'], 0);
        break;
      case 'content_block_delta': {
        assert.equal(event['index'], 0);
        const delta = members(event['delta']);
        assert.equal(delta['type'], 'text_delta');
        text += words(delta['text']);
        break;
      }
      case 'message_delta':
        assert.equal(members(event['delta'])['stop_reason'], 'end_turn');
        counted(members(event['usage'])['output_tokens']);
        break;
    }
    // Pieces of one block are one step.
    if (type !== 'content_block_delta' || types.at(-1) !== type) types.push(type);
  }
  const order = ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop'];
  const all = [...order, 'message_delta', 'message_stop'];
  assert.deepEqual(types, all.slice(0, types.length), 'steps in this order, each once');
  return { text, done: types.length === all.length, errors, model };
}

const caller: Caller = {
  dialect: 'anthropic-messages',
  modes: ['json', 'stream'],
  type: 'anthropic',
  sameModel: 'claude-sonnet-4-6',
  other: { type: 'openai', model: 'gpt-4o-mini' },
  family: 'anthropic',
  preamble: 3,
  inBand: 'overload',
  path: () => '/v1/messages',
  body: (model, prompt, mode) => ({
    model,
    max_tokens: 1_000,
    system: 'be brief',
    messages: [{ role: 'user', content: prompt }],
    ...(mode === 'json' ? {} : { stream: true }),
  }),
  whole,
  streamed,
  error: (body) => sentence(JSON.parse(body)),
  refusals: {
    // Money is a bad request here.
    quota: refusal(400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
    noModel: refusal(404, 'not_found_error', 'model: case'),
    tooLong: refusal(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
  },
};

testMatrix(caller);
