// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recognise, recogniseUpgrade } from './recognise.ts';

/** host and path -> dialect, operation, model and streaming of the path. */
type Row = readonly [
  host: string,
  path: string,
  dialect: string,
  operation?: 'generate' | 'count-tokens' | 'embed',
  model?: string | undefined,
  stream?: boolean,
];

const ROWS: readonly Row[] = [
  ['api.openai.com', '/v1/chat/completions', 'openai-chat'],
  ['api.openai.com', '/v1/responses', 'openai-responses'],
  ['api.openai.com', '/v1/responses/input_tokens', 'openai-responses', 'count-tokens'],
  ['api.openai.com', '/v1/responses/compact', 'openai-responses', 'generate', undefined, false],
  ['api.openai.com', '/v1/completions', 'openai-completions'],
  ['api.openai.com', '/v1/embeddings', 'openai-embeddings', 'embed'],
  ['chatgpt.com', '/backend-api/codex/responses', 'openai-responses'],
  // Only Azure's hosts name the model there, and in any case.
  ['api.openai.com', '/v1/deployments/ok/chat/completions', 'openai-chat', 'generate', undefined],
  ['corp.openai.azure.com', '/openai/Deployments/d/Chat/Completions', 'openai-chat', 'generate', 'd'],
  ['corp.azure-api.net', '/x/deployments/d/embeddings', 'openai-embeddings', 'embed', 'd'],
  ['api.openai.com', '/v1%2fchat%2Fcompletions', 'openai-chat'],
  ['api.openai.com', '/v1\\chat\\completions', 'openai-chat'],
  ['api.githubcopilot.com', '/chat/completions', 'openai-chat'],
  ['api.githubcopilot.com', '/responses', 'openai-responses'],
  ['copilot-proxy.githubusercontent.com', '/v1/engines/copilot-codex/completions', 'openai-completions'],
  ['api.groq.com', '/openai/v1/chat/completions', 'openai-chat'],
  ['openrouter.ai', '/api/v1/chat/completions', 'openai-chat'],
  ['openrouter.ai', '/api/v1/embeddings', 'openai-embeddings', 'embed'],
  ['api.deepseek.com', '/chat/completions', 'openai-chat'],
  ['api.deepseek.com', '/anthropic/v1/messages', 'anthropic-messages'],
  ['api.mistral.ai', '/v1/fim/completions', 'openai-chat'],
  ['api.cohere.ai', '/compatibility/v1/chat/completions', 'openai-chat'],
  ['api.anthropic.com', '/v1/messages', 'anthropic-messages'],
  ['api.anthropic.com', '//v1/messages/', 'anthropic-messages'],
  ['api.anthropic.com', '/v1/messages/count_tokens', 'anthropic-messages', 'count-tokens'],
  [
    'generativelanguage.googleapis.com',
    '/v1/models/gemini-pro:generateContent',
    'gemini',
    'generate',
    'gemini-pro',
    false,
  ],
  [
    'generativelanguage.googleapis.com',
    '/v1beta/models/gemini-pro:streamGenerateContent',
    'gemini',
    'generate',
    'gemini-pro',
    true,
  ],
  [
    'generativelanguage.googleapis.com',
    '/v1alpha/models/gemini-pro%3AcountTokens',
    'gemini',
    'count-tokens',
    'gemini-pro',
  ],
  ['generativelanguage.googleapis.com', '/v1beta/models%2Fgemini-pro:embedContent', 'gemini', 'embed', 'gemini-pro'],
  ['generativelanguage.googleapis.com', '/v1beta/models/e:batchEmbedContents', 'gemini', 'embed', 'e'],
  ['cloudcode-pa.googleapis.com', '/v1internal:generateContent', 'gemini', 'generate', undefined, false],
  ['cloudcode-pa.googleapis.com', '/v1internal:streamGenerateContent', 'gemini', 'generate', undefined, true],
  ['cloudcode-pa.googleapis.com', '/v1internal:countTokens', 'gemini', 'count-tokens'],
  [
    'us-central1-aiplatform.googleapis.com',
    '/v1/projects/p/locations/l/publishers/google/models/gemini-pro:streamGenerateContent',
    'gemini',
    'generate',
    'gemini-pro',
    true,
  ],
  [
    'aiplatform.googleapis.com',
    '/v1/projects/p/locations/global/publishers/anthropic/models/claude-x@20250101:rawPredict',
    'anthropic-messages',
    'generate',
    'claude-x@20250101',
    false,
  ],
  [
    'aiplatform.googleapis.com',
    '/v1/projects/p/locations/global/publishers/anthropic/models/claude-x:streamRawPredict',
    'anthropic-messages',
    'generate',
    'claude-x',
    true,
  ],
  [
    'aiplatform.googleapis.com',
    '/v1/projects/p/locations/global/publishers/anthropic/models/count-tokens:rawPredict',
    'anthropic-messages',
    'count-tokens',
  ],
  [
    'aiplatform.googleapis.com',
    '/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict',
    'openai-chat',
    'generate',
    'm',
    false,
  ],
  [
    'bedrock-runtime.us-east-1.amazonaws.com',
    '/model/anthropic.claude-v2%3A1/converse',
    'bedrock-converse',
    'generate',
    'anthropic.claude-v2:1',
    false,
  ],
  ['bedrock-runtime.us-east-1.amazonaws.com', '/model/m/converse-stream', 'bedrock-converse', 'generate', 'm', true],
  ['bedrock-runtime.us-east-1.amazonaws.com', '/model/m/count-tokens', 'bedrock-converse', 'count-tokens', 'm'],
  ['bedrock-runtime.us-east-1.amazonaws.com', '/model/m/invoke', 'bedrock-invoke', 'generate', 'm', false],
  [
    'bedrock-runtime.us-east-1.amazonaws.com',
    '/model/amazon.titan-embed-text-v2%3A0/invoke',
    'bedrock-invoke',
    'embed',
    'amazon.titan-embed-text-v2:0',
  ],
  [
    'bedrock-runtime.us-east-1.amazonaws.com',
    '/model/m/invoke-with-response-stream',
    'bedrock-invoke',
    'generate',
    'm',
    true,
  ],
  [
    'bedrock-runtime.us-east-1.amazonaws.com',
    '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fabc/converse',
    'bedrock-converse',
    'generate',
    'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc',
    false,
  ],
  [
    'bedrock-runtime.us-east-1.amazonaws.com',
    '/model/arn:aws:bedrock:us-east-1:1:application-inference-profile/abc/converse',
    'bedrock-converse',
    'generate',
    'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc',
    false,
  ],
  ['bedrock-mantle.us-east-1.api.aws', '/v1/responses', 'openai-responses'],
  ['n.openai.azure.com', '/openai/deployments/my%20dep/chat/completions', 'openai-chat', 'generate', 'my dep'],
  ['n.openai.azure.com', '/openai/deployments/d/completions', 'openai-completions', 'generate', 'd'],
  ['n.openai.azure.com', '/openai/deployments/d/embeddings', 'openai-embeddings', 'embed', 'd'],
  ['n.openai.azure.com', '/openai/v1/chat/completions', 'openai-chat'],
  ['n.openai.azure.com', '/openai/v1/responses', 'openai-responses'],
  ['n.openai.azure.com', '/openai/responses', 'openai-responses'],
  ['api.cohere.com', '/v2/chat', 'cohere-chat'],
  ['api.cohere.com', '/v2/embed', 'cohere-embed', 'embed'],
  ['api.cohere.com', '/v1/embed', 'cohere-embed', 'embed'],
  ['127.0.0.1', '/api/chat', 'ollama'],
  ['ollama.com', '/api/generate', 'ollama'],
  ['127.0.0.1', '/api/embed', 'ollama', 'embed'],
  ['127.0.0.1', '/api/embeddings', 'ollama', 'embed'],
  ['127.0.0.1', '/v1/chat/completions', 'openai-chat'],
  ['unknown.example', '/some/prefix/v1/messages', 'anthropic-messages'],
  ['unknown.example', '/x/models/m:generateContent', 'gemini', 'generate', 'm', false],
];

for (const [host, path, dialect, operation = 'generate', pathModel, stream] of ROWS) {
  test(`${host}${path} is ${dialect}, ${operation}`, () => {
    assert.deepEqual(recognise({ method: 'POST', host, path }), {
      dialect,
      operation,
      pathModel,
      pathStream: operation === 'generate' ? stream : false,
    });
  });
}

test('a base URL that already holds the version leaves short paths; the provider type says what they mean', () => {
  const at = (providerType: string, path: string) =>
    recognise({ method: 'POST', host: '', providerType, path })?.dialect;
  assert.equal(at('cohere', '/chat'), 'cohere-chat');
  assert.equal(at('cohere', '/embed'), 'cohere-embed');
  assert.equal(at('cohere', '/chat/x'), undefined);
  assert.equal(at('ollama', '/chat'), 'ollama');
  assert.equal(at('ollama', '/embeddings'), 'openai-embeddings');
  assert.equal(at('anthropic', '/messages'), 'anthropic-messages');
  assert.equal(at('openai', '/embeddings'), 'openai-embeddings');
  assert.equal(at('openai', '/chat'), undefined);
  assert.equal(at('openai', '/messages'), undefined);
});

test('OpenAI’s dialects at Google take resource names for models, those of others do not', () => {
  const at = (host: string, path: string, providerType?: string) => {
    const found = recognise({ method: 'POST', host, path, providerType });
    return [found?.dialect, found?.resourceNames];
  };
  const path = '/v1beta/openai/chat/completions';
  assert.deepEqual(at('generativelanguage.googleapis.com', path), ['openai-chat', true]);
  assert.deepEqual(at('proxy.example', path, 'gemini'), ['openai-chat', true]);
  assert.deepEqual(at('proxy.example', '/endpoints/openapi/embeddings', 'vertex'), ['openai-embeddings', true]);
  assert.deepEqual(at('proxy.example', path), ['openai-chat', undefined]);
  assert.deepEqual(at('googleapis.com.example', path), ['openai-chat', undefined]);
});

for (const [method, path] of [
  ['GET', '/v1/responses'],
  ['GET', '/v1/chat/completions'],
  ['POST', '/'],
  ['POST', ''],
  ['POST', '/v1/files'],
  ['POST', '/v1/messages/batches'],
  ['POST', '/v1/threads/t/messages'],
  ['POST', '/v1/responses/resp_1/cancel'],
  ['POST', '/v1/models/m:predict'],
  ['POST', '/backend-api/conversation'],
  ['POST', '/model/m'],
  ['POST', '/constructor/__proto__'],
  ['POST', '/%'],
  ['POST', `/model/${'x'.repeat(100_000)}`],
] as const) {
  test(`${method} ${path.slice(0, 60)} is not recognised`, () => {
    assert.equal(recognise({ method, host: 'unknown.example', path }), undefined);
  });
}

test('a path’s model beyond any real length is no model', () => {
  const found = recognise({ method: 'POST', host: 'h', path: `/model/${'x'.repeat(300)}/converse` });
  assert.equal(found?.pathModel, undefined);
});

test('a WebSocket upgrade is recognised on the Responses paths only', () => {
  for (const path of ['/v1/responses', '/backend-api/codex/responses']) {
    assert.deepEqual(recogniseUpgrade({ method: 'GET', host: 'h', path }), {
      dialect: 'openai-responses',
      operation: 'generate',
      pathModel: undefined,
      pathStream: true,
    });
  }
  assert.equal(recogniseUpgrade({ method: 'GET', host: 'h', path: '/v1/realtime' }), undefined);
  assert.equal(recogniseUpgrade({ method: 'POST', host: 'h', path: '/v1/responses' }), undefined);
});
