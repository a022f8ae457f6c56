// SPDX-License-Identifier: Apache-2.0
// Whole answers with a good status and nothing in them: no answer, unless the provider gave a reason to stop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { document } from '../../../test/fixtures/dialects/read.ts';
import type { DialectId } from './dialect.ts';
import { dialectOf } from './index.ts';

const GENERATING = [
  'openai-chat',
  'openai-completions',
  'openai-responses',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'bedrock-invoke',
  'cohere-chat',
  'ollama',
] as const satisfies readonly DialectId[];

for (const id of GENERATING) {
  test(`${id}: a document without any member is no answer`, () => {
    for (const body of ['{}', '[]', '[{}]', 'null', '0', 'true', '""']) {
      const reader = document(id, body);
      assert.deepEqual([reader.phase, reader.facts().understood], ['failed', false], body);
      assert.equal(reader.facts().error?.class, 'unknown', body);
    }
  });
}

const text = { type: 'text', text: '' };

test('a document of the dialect with neither content nor a reason to stop is no answer', () => {
  for (const [id, body] of [
    ['openai-chat', { id: 'c', choices: [] }],
    ['openai-chat', { id: 'c', choices: null }],
    ['openai-chat', { choices: [], usage: { prompt_tokens: 3, completion_tokens: 0 } }],
    ['openai-chat', { choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: null }] }],
    ['openai-completions', { choices: [{ text: '' }] }],
    ['openai-responses', { id: 'r', output: [] }],
    ['anthropic-messages', { content: [] }],
    ['anthropic-messages', { content: [text], stop_reason: null }],
    ['gemini', { candidates: [] }],
    ['gemini', { usageMetadata: { promptTokenCount: 3 }, modelVersion: 'g' }],
    ['gemini', { modelVersion: 'g', responseId: 'r' }],
    ['gemini', { candidates: [{ content: { role: 'model' } }] }],
    ['gemini', { response: { candidates: [] } }],
    ['gemini', [{ candidates: [] }]],
    ['bedrock-converse', { output: { message: { role: 'assistant', content: [] } } }],
    ['bedrock-invoke', { content: [] }],
    ['bedrock-invoke', { outputs: [] }],
    ['bedrock-invoke', { generation: '' }],
    ['cohere-chat', { message: { role: 'assistant', content: [] } }],
    ['ollama', { model: 'm', message: { role: 'assistant', content: '' }, done: false }],
  ] as const) {
    const reader = document(id, body);
    assert.deepEqual([reader.phase, reader.facts().understood], ['failed', false], `${id} ${JSON.stringify(body)}`);
  }
});

test('an empty answer with a reason to stop is an answer, and so is content without one', () => {
  for (const [id, body] of [
    ['openai-chat', { choices: [{ message: { content: '' }, finish_reason: 'stop' }] }],
    ['openai-chat', { choices: [{ message: { content: 'x' } }] }],
    ['openai-chat', { choices: [{ message: { content: null, refusal: 'No.' } }] }],
    ['openai-completions', { choices: [{ text: '', finish_reason: 'length' }] }],
    ['openai-responses', { output: [], status: 'completed' }],
    ['openai-responses', { output: [], status: 'queued' }],
    ['openai-responses', { output: [{ type: 'message', content: [{ type: 'output_text', text: 'x' }] }] }],
    ['anthropic-messages', { content: [], stop_reason: 'end_turn' }],
    ['anthropic-messages', { content: [{ ...text, text: 'x' }] }],
    ['gemini', { candidates: [{ finishReason: 'SAFETY' }] }],
    ['gemini', { promptFeedback: { blockReason: 'SAFETY' } }],
    ['gemini', { promptFeedback: { safetyRatings: [] }, usageMetadata: { promptTokenCount: 3 } }],
    ['bedrock-converse', { output: { message: { content: [] } }, stopReason: 'end_turn' }],
    ['bedrock-invoke', { results: [{ outputText: '', completionReason: 'FINISH' }] }],
    ['bedrock-invoke', { embedding: [0.5], inputTextTokenCount: 3 }],
    ['cohere-chat', { message: { content: [] }, finish_reason: 'COMPLETE' }],
    ['ollama', { model: 'm', response: '', done: true }],
  ] as const) {
    const reader = document(id, body);
    assert.deepEqual([reader.phase, reader.facts().understood], ['done', true], `${id} ${JSON.stringify(body)}`);
  }
});

test('embeddings are not asked for generated content', () => {
  for (const id of ['openai-embeddings', 'cohere-embed'] as const) {
    assert.equal(document(id, '{}').phase, 'done', id);
  }
  assert.deepEqual(document('openai-embeddings', { data: [] }).facts().understood, true);
});

test('a stream that only says it is over is no answer; one that said anything before is whole', () => {
  const recognised = { dialect: 'openai-chat', operation: 'generate', pathModel: undefined, pathStream: true } as const;
  const chat = dialectOf('openai-chat');
  const facts = chat.readRequest(recognised, Buffer.from('{"model":"m","messages":[],"stream":true}'));
  const phaseOf = (body: string) => {
    const reader = chat.readAnswer(recognised, facts, { status: 200, contentType: 'text/event-stream' });
    reader.push(Buffer.from(body));
    reader.end();
    return [reader.phase, reader.facts().understood];
  };
  assert.deepEqual(phaseOf('data: [DONE]\n\n'), ['holding', true]);
  assert.deepEqual(phaseOf('data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n'), [
    'done',
    true,
  ]);
});
