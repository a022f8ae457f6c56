// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUnknown } from './index.ts';

const AZURE = { host: 'corp.openai.azure.com', path: '/openai/Deployments/dall-e/images/generations' };
const OPENAI = { host: 'api.openai.com', path: '/v1/images/generations' };
const VIDEO = { host: 'generativelanguage.googleapis.com', path: '/v1beta/models/veo:predictLongRunning' };

/** Model, other model, understood. */
function read(body: string, address: { host: string; path: string; providerType?: string }) {
  const facts = readUnknown(Buffer.from(body), 'application/json', { method: 'POST', ...address });
  return [facts.model, facts.otherModel, facts.understood];
}

test('a model in the path counts besides the one in the body', () => {
  assert.deepEqual(read('{"prompt":"x"}', AZURE), ['dall-e', undefined, true]);
  assert.deepEqual(read('{"model":"ok"}', AZURE), ['dall-e', 'ok', true]);
  assert.deepEqual(read('{"model":"ok"}', VIDEO), ['veo', 'ok', true]);
  assert.deepEqual(read('{"model":"models/veo"}', VIDEO), ['veo', undefined, true]);
  assert.deepEqual(read('nonsense', AZURE), ['dall-e', undefined, false]);
});

test('only Azure names a model by `deployments`', () => {
  assert.deepEqual(read('{"model":"a"}', { ...OPENAI, path: '/v1/deployments/b/images/generations' }), [
    'a',
    undefined,
    true,
  ]);
});

test('a deployment itself is not a call to its model', () => {
  assert.deepEqual(read('{"x":1}', { ...AZURE, path: '/openai/deployments/dall-e' }), [undefined, undefined, false]);
});

test('only JSON is read', () => {
  const body = Buffer.from('{"model":"a"}');
  for (const type of [undefined, 'text/plain', 'multipart/form-data; boundary=x']) {
    const facts = readUnknown(body, type, { method: 'POST', ...OPENAI });
    assert.deepEqual([facts.model, facts.understood], [undefined, false], type);
  }
});

test('two names of a model in the body, and more than two', () => {
  assert.deepEqual(read('{"model":"a","Model":"b"}', OPENAI), ['a', 'b', true]);
  assert.deepEqual(read('{"model":"a","Model":"b","MODEL":"c"}', OPENAI), [undefined, undefined, false]);
});

test('no model: understood only where OpenAI takes none', () => {
  const at = (path: string, host = OPENAI.host) => read('{"input":"x"}', { host, path })[2];
  for (const path of ['/v1/threads', '/v1/threads/t/messages', '/v1/conversations/c/items', '/v1/moderations']) {
    assert.equal(at(path), true, path);
    assert.equal(at(path, 'api.mistral.ai'), false, path);
  }
  assert.equal(read('[]', { ...OPENAI, path: '/v1/moderations' })[2], false);
  for (const path of ['/v1/threads/runs', '/v1/threads/t/runs', '/v1/images/generations', '/v1/videos']) {
    assert.equal(at(path), false, path);
  }
});
