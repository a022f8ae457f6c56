// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorClass } from '../dialect.ts';
import { classifyError } from './error-class.ts';

const openai = (code: string | null, type: string, message = 'm') => ({ error: { code, type, message, param: null } });
const anthropic = (type: string, message = 'm') => ({ type: 'error', error: { type, message } });
const google = (status: string, message = 'm', details: unknown[] = []) => ({ error: { status, message, details } });

type Row = readonly [what: string, status: number | undefined, body: unknown, expected: ErrorClass, exception?: string];

const ROWS: readonly Row[] = [
  ['OpenAI chat, unknown model', 404, openai('model_not_found', 'invalid_request_error'), 'model-not-found'],
  ['OpenAI Responses, unknown model', 400, openai('model_not_found', 'invalid_request_error'), 'model-not-found'],
  ['Azure, unknown deployment', 404, openai('DeploymentNotFound', 'x'), 'model-not-found'],
  ['Anthropic, unknown model', 404, anthropic('not_found_error', 'model: claude-none'), 'model-not-found'],
  [
    'Gemini, unknown model',
    404,
    google('NOT_FOUND', 'models/x is not found for API version v1beta'),
    'model-not-found',
  ],
  [
    'Bedrock, unknown model',
    400,
    { message: 'The provided model identifier is invalid.' },
    'model-not-found',
    'ValidationException:http://x',
  ],
  [
    'Mistral, unknown model',
    400,
    { object: 'error', type: 'invalid_model', code: '1500', message: 'Invalid model: x' },
    'model-not-found',
  ],
  [
    'OpenRouter, unknown model',
    400,
    { error: { code: 400, message: 'x/y is not a valid model ID' } },
    'model-not-found',
  ],
  ['Ollama, unknown model', 404, { error: "model 'x' not found" }, 'model-not-found'],
  ['OpenAI, another thing not found', 404, openai(null, 'invalid_request_error', 'No file'), 'invalid-request'],
  ['Anthropic, another thing not found', 404, anthropic('not_found_error', 'Not found'), 'not-found'],
  ['OpenAI, no money', 429, openai('insufficient_quota', 'insufficient_quota'), 'quota'],
  ['OpenAI, too fast', 429, openai('rate_limit_exceeded', 'tokens', 'Rate limit reached'), 'rate-limit'],
  ['Anthropic, no money', 400, anthropic('invalid_request_error', 'Your credit balance is too low'), 'quota'],
  ['Anthropic, too fast', 429, anthropic('rate_limit_error'), 'rate-limit'],
  ['DeepSeek, no money', 402, { error: { message: 'Insufficient Balance', code: 'invalid_request_error' } }, 'quota'],
  ['Gemini, too fast', 429, google('RESOURCE_EXHAUSTED', 'x', [{ retryDelay: '3s' }]), 'rate-limit'],
  [
    'Gemini, the day is used up',
    429,
    google('RESOURCE_EXHAUSTED', 'x', [{ violations: [{ quotaId: 'RequestsPerDayPerProject' }] }]),
    'quota',
  ],
  ['Bedrock, too fast', 429, { message: 'Too many requests' }, 'rate-limit', 'ThrottlingException'],
  ['an overload whose message speaks of something else', 503, { message: 'context length of the queue' }, 'overloaded'],
  [
    'Azure, the inner code',
    400,
    { error: { code: 'BadRequest', message: 'm', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    'content-policy',
  ],
  ['OpenAI, too long', 400, openai('context_length_exceeded', 'invalid_request_error'), 'context-length'],
  [
    'Anthropic, too long',
    400,
    anthropic('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
    'context-length',
  ],
  [
    'Gemini, too long',
    400,
    google('INVALID_ARGUMENT', 'The input token count (2000000) exceeds the maximum number of tokens allowed'),
    'context-length',
  ],
  [
    'Bedrock, too long',
    400,
    { message: 'Input is too long for requested model.' },
    'context-length',
    'ValidationException',
  ],
  [
    'Mistral, too long',
    400,
    { message: 'Prompt contains 9 tokens, too large for model with 8 maximum context length' },
    'context-length',
  ],
  ['Cohere, too long', 400, { message: 'too many tokens: the total number of tokens is 200000' }, 'context-length'],
  [
    'Azure, filtered',
    400,
    { error: { code: 'content_filter', message: 'm', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    'content-policy',
  ],
  ['OpenAI, usage policy', 400, openai('invalid_prompt', 'invalid_request_error'), 'content-policy'],
  [
    'OpenRouter, moderation',
    403,
    { error: { code: 403, message: 'Input was flagged by moderation' } },
    'content-policy',
  ],
  ['OpenAI, wrong key', 401, openai('invalid_api_key', 'invalid_request_error'), 'authentication'],
  ['Anthropic, wrong key', 401, anthropic('authentication_error'), 'authentication'],
  [
    'Gemini, wrong key is a 400',
    400,
    google('INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [{ reason: 'API_KEY_INVALID' }]),
    'authentication',
  ],
  [
    'Bedrock, wrong key',
    403,
    { message: 'The security token included in the request is invalid.' },
    'authentication',
    'UnrecognizedClientException',
  ],
  ['Gemini, not allowed', 403, google('PERMISSION_DENIED'), 'permission'],
  ['Bedrock, not allowed', 403, { Message: 'no' }, 'permission', 'AccessDeniedException'],
  ['Anthropic, overloaded', 529, anthropic('overloaded_error'), 'overloaded'],
  ['Gemini, overloaded', 503, google('UNAVAILABLE', 'The model is overloaded'), 'overloaded'],
  ['Bedrock, not ready', 429, { message: 'm' }, 'overloaded', 'ModelNotReadyException'],
  ['OpenAI, server', 500, openai(null, 'server_error'), 'server'],
  ['Anthropic, server', 500, anthropic('api_error'), 'server'],
  ['a gateway’s HTML', 502, undefined, 'server'],
  ['a proxy asking for a login', 407, undefined, 'authentication'],
  ['FastAPI', 422, { detail: [{ msg: 'field required' }] }, 'invalid-request'],
  ['a plain 400', 400, openai(null, 'invalid_request_error'), 'invalid-request'],
  ['a redirect', 302, undefined, 'unknown'],
  ['in-band without a word', undefined, { error: {} }, 'unknown'],
  ['in-band, status as code', undefined, { error: { code: 503, message: 'x' } }, 'overloaded'],
  ['Gemini stream error as array', 400, [google('INVALID_ARGUMENT', 'bad')], 'invalid-request'],
  ['words of Object.prototype', 400, { error: { code: 'constructor', type: '__proto__' } }, 'invalid-request'],
];

for (const [what, status, body, expected, exception] of ROWS) {
  test(`${what}: ${expected}`, () => {
    assert.equal(classifyError(body, status, exception).class, expected);
  });
}

test('the code is the provider’s most exact word, and only a word', () => {
  assert.equal(classifyError(openai('insufficient_quota', 't'), 429).code, 'insufficient_quota');
  assert.equal(classifyError(openai(null, 'server_error'), 500).code, 'server_error');
  assert.equal(classifyError({ message: 'm' }, 400, 'ValidationException:http://x/').code, 'ValidationException');
  assert.equal(classifyError({ error: { code: 'Your key sk-123 is wrong' } }, 400).code, undefined);
});

test('Google says in the body when to try again', () => {
  const wait = (retryDelay: unknown) =>
    classifyError(
      { error: { code: 429, status: 'RESOURCE_EXHAUSTED', details: [{ reason: 'x' }, { retryDelay }] } },
      429,
    ).retryAfterMs;
  assert.equal(wait('34.074824224s'), 34_075);
  assert.equal(wait('3s'), 3_000);
  for (const odd of ['3', 's', '-1s', '1e9s', 3, null, { seconds: 3 }, '99999999999s'])
    assert.equal(wait(odd), undefined);
});
