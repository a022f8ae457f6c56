// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { callerOf, headersOf, type ProviderSetup, providerOf, requestOf } from '../../../test/fakes/attempt-request.ts';
import type { DialectId } from '../dialects/dialect.ts';
import { recognise } from '../dialects/recognise.ts';
import type { Secret } from '../policy/policy.ts';
import { PROVIDER_TYPES, type ProviderType } from './provider-types.ts';
import { dialectFor, type Outgoing } from './transport.ts';

const text: Secret = { kind: 'text', value: 'secret-text' };

const SETUPS: Readonly<Record<string, ProviderSetup>> = {
  '-': {},
  eu: { placement: { region: 'eu-west-1' } },
  cn: { placement: { region: 'cn-north-1' } },
  local: { baseUrl: 'http://127.0.0.1:7' },
  corp: { baseUrl: 'https://corp.openai.azure.com' },
  dated: { baseUrl: 'https://corp.openai.azure.com', placement: { apiVersion: '2024-10-21' } },
  region: { placement: { project: 'p1', location: 'europe-west4' } },
  global: { placement: { project: 'p1', location: 'global' } },
  union: { placement: { project: 'p1', location: 'eu' } },
  workspace: { baseUrl: 'https://dbc-1.cloud.databricks.com/serving-endpoints' },
  llm: { baseUrl: 'https://llm.corp.example/team/v1' },
};

/** Type, set-up, dialect, model, header of a key, URL; then the end of the URL of a stream, where that differs. */
const TABLE = `
openai - openai-chat gpt-5 bearer https://api.openai.com:443/v1/chat/completions
openai - openai-responses gpt-5 bearer https://api.openai.com:443/v1/responses
openai - openai-completions davinci-002 bearer https://api.openai.com:443/v1/completions
anthropic - anthropic-messages claude-x x-api-key https://api.anthropic.com:443/v1/messages
azure corp openai-chat gpt-5 api-key https://corp.openai.azure.com:443/openai/v1/chat/completions
azure corp openai-responses gpt-5 api-key https://corp.openai.azure.com:443/openai/v1/responses
azure corp anthropic-messages claude-x api-key https://corp.openai.azure.com:443/anthropic/v1/messages
azure dated openai-chat my+gpt api-key https://corp.openai.azure.com:443/openai/deployments/my%2Bgpt/chat/completions?api-version=2024-10-21
azure dated openai-responses gpt-5 api-key https://corp.openai.azure.com:443/openai/responses?api-version=2024-10-21
bedrock eu bedrock-converse anthropic.claude-3-v1:0 bearer https://bedrock-runtime.eu-west-1.amazonaws.com:443/model/anthropic.claude-3-v1%3A0/converse -stream
bedrock cn bedrock-converse amazon.nova bearer https://bedrock-runtime.cn-north-1.amazonaws.com.cn:443/model/amazon.nova/converse -stream
bedrock local bedrock-invoke arn:aws:bedrock:eu:1:inference-profile/anthropic.claude bearer http://127.0.0.1:7/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fanthropic.claude/invoke -with-response-stream
gemini - gemini gemini-3 x-goog-api-key https://generativelanguage.googleapis.com:443/v1beta/models/gemini-3:generateContent :streamGenerateContent?alt=sse
vertex region gemini gemini-3 bearer https://europe-west4-aiplatform.googleapis.com:443/v1/projects/p1/locations/europe-west4/publishers/google/models/gemini-3:generateContent :streamGenerateContent?alt=sse
vertex global anthropic-messages claude-x@2025 bearer https://aiplatform.googleapis.com:443/v1/projects/p1/locations/global/publishers/anthropic/models/claude-x@2025:rawPredict :streamRawPredict
vertex union openai-chat meta/llama bearer https://aiplatform.eu.rep.googleapis.com:443/v1/projects/p1/locations/eu/endpoints/openapi/chat/completions
mistral - openai-chat m bearer https://api.mistral.ai:443/v1/chat/completions
cohere - cohere-chat m bearer https://api.cohere.com:443/v2/chat
groq - openai-chat m bearer https://api.groq.com:443/openai/v1/chat/completions
groq - openai-responses m bearer https://api.groq.com:443/openai/v1/responses
xai - openai-chat grok bearer https://api.x.ai:443/v1/chat/completions
xai - openai-responses grok bearer https://api.x.ai:443/v1/responses
deepseek - openai-chat m bearer https://api.deepseek.com:443/chat/completions
deepseek - anthropic-messages m x-api-key https://api.deepseek.com:443/anthropic/v1/messages
openrouter - openai-chat a/m bearer https://openrouter.ai:443/api/v1/chat/completions
openrouter - openai-responses a/m bearer https://openrouter.ai:443/api/v1/responses
openrouter - anthropic-messages a/m bearer https://openrouter.ai:443/api/v1/messages
together - openai-chat a/m bearer https://api.together.ai:443/v1/chat/completions
fireworks - openai-chat m bearer https://api.fireworks.ai:443/inference/v1/chat/completions
fireworks - openai-responses m bearer https://api.fireworks.ai:443/inference/v1/responses
fireworks - anthropic-messages m bearer https://api.fireworks.ai:443/inference/v1/messages
cerebras - openai-chat m bearer https://api.cerebras.ai:443/v1/chat/completions
perplexity - openai-chat sonar-pro bearer https://api.perplexity.ai:443/chat/completions
perplexity - openai-responses openai/gpt-5 bearer https://api.perplexity.ai:443/v1/responses
nebius - openai-chat a/m bearer https://api.tokenfactory.nebius.com:443/v1/chat/completions
huggingface - openai-chat a/m bearer https://router.huggingface.co:443/v1/chat/completions
huggingface - openai-responses a/m bearer https://router.huggingface.co:443/v1/responses
databricks workspace openai-chat m bearer https://dbc-1.cloud.databricks.com:443/serving-endpoints/chat/completions
databricks workspace anthropic-messages dbx-claude bearer https://dbc-1.cloud.databricks.com:443/serving-endpoints/anthropic/v1/messages
ollama - openai-chat m bearer http://127.0.0.1:11434/v1/chat/completions
ollama - openai-responses m bearer http://127.0.0.1:11434/v1/responses
ollama - anthropic-messages m bearer http://127.0.0.1:11434/v1/messages
ollama - ollama m bearer http://127.0.0.1:11434/api/chat
vllm - openai-chat m bearer http://127.0.0.1:8000/v1/chat/completions
vllm - openai-responses m bearer http://127.0.0.1:8000/v1/responses
vllm - anthropic-messages m bearer http://127.0.0.1:8000/v1/messages
sglang - openai-chat m bearer http://127.0.0.1:30000/v1/chat/completions
sglang - anthropic-messages m bearer http://127.0.0.1:30000/v1/messages
lmstudio - openai-chat m bearer http://127.0.0.1:1234/v1/chat/completions
lmstudio - openai-responses m bearer http://127.0.0.1:1234/v1/responses
lmstudio - anthropic-messages m bearer http://127.0.0.1:1234/v1/messages
openai-compatible llm openai-chat m bearer https://llm.corp.example:443/team/v1/chat/completions
anthropic-compatible llm anthropic-messages m x-api-key https://llm.corp.example:443/team/v1/messages
`;

const rows = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [type = '', setup = '', dialect = '', model = '', auth = '', url = '', end] = line.split(' ');
    const ending = end?.startsWith(':') ? url.slice(0, url.lastIndexOf(':')) : url;
    const streamed = end === undefined ? url : `${ending}${end}`;
    return {
      type: type as ProviderType,
      setup: SETUPS[setup] ?? {},
      dialect: dialect as DialectId,
      model,
      auth,
      url,
      streamed,
    };
  });

const urlOf = ({ place }: Outgoing) => `${place.scheme}://${place.host}:${place.port}${place.path}`;

suite('each type of provider', () => {
  for (const { type, setup, dialect, model, auth, url, streamed } of rows) {
    test(`${type} takes ${dialect} at ${url}`, () => {
      const provider = providerOf(type, { ...setup, secrets: [text] });
      assert.deepEqual(dialectFor(provider, callerOf(dialect, { pathModel: model }), model), { dialect, same: true });
      const out = requestOf({ provider, dialect, model });
      assert.equal(urlOf(out), url);
      const own = auth === 'bearer' ? ['authorization', 'Bearer secret-text'] : [auth, 'secret-text'];
      assert.deepEqual(out.headers.slice(-2), own);
      const stream = requestOf({ provider, dialect, model, stream: true });
      assert.equal(urlOf(stream), streamed);
      for (const { place, recognised } of [out, stream]) {
        const [path = ''] = place.path.split('?');
        const found = recognise({ method: 'POST', host: place.host, providerType: type, path });
        assert.equal(found?.dialect, dialect);
        assert.equal(found?.pathModel, recognised.pathModel);
      }
    });
  }

  test('is in the table', () => {
    assert.deepEqual([...new Set(rows.map(({ type }) => type))].sort(), Object.keys(PROVIDER_TYPES).sort());
    assert.ok(Object.keys(PROVIDER_TYPES).length >= 25);
  });

  test('has a protocol for what has to be translated, if it can be reached', () => {
    for (const { type, setup, model } of rows) {
      assert.ok(dialectFor(providerOf(type, setup), callerOf('openai-chat'), model), type);
    }
    for (const type of ['azure', 'bedrock', 'vertex', 'databricks', 'openai-compatible'] as const) {
      assert.equal(dialectFor(providerOf(type), callerOf('openai-chat'), 'm'), undefined, type);
    }
    // The place is known, but not the project.
    const half = providerOf('vertex', { baseUrl: 'https://v.example', placement: { location: 'eu' } });
    assert.equal(dialectFor(half, callerOf('gemini'), 'gemini-3'), undefined);
  });
});

/** Caller's dialect and model, target's type, set-up and model, and what is spoken: `=` the same, `~` translated, `-` nothing. */
const CHOICES = `
openai-chat - anthropic - claude-x ~ anthropic-messages
openai-chat - gemini - gemini-3 ~ gemini
openai-chat - cohere - m ~ cohere-chat
openai-chat - bedrock eu anthropic.claude-x ~ bedrock-converse
openai-chat - vertex region claude-x ~ anthropic-messages
openai-chat - vertex region gemini-3 ~ gemini
openai-responses - mistral - m ~ openai-chat
openai-responses - azure corp gpt-5 = openai-responses
openai-responses - perplexity - sonar ~ openai-chat
anthropic-messages - bedrock eu eu.anthropic.claude-x = bedrock-invoke
anthropic-messages - bedrock eu amazon.nova ~ bedrock-converse
anthropic-messages - vertex region claude-x = anthropic-messages
anthropic-messages - openai - gpt-5 ~ openai-chat
gemini - vertex region gemini-3 = gemini
gemini - ollama - m ~ openai-chat
bedrock-converse amazon.nova anthropic - claude-x ~ anthropic-messages
bedrock-invoke anthropic.claude-x anthropic - claude-x = anthropic-messages
bedrock-invoke anthropic.claude-x vertex region claude-x = anthropic-messages
bedrock-invoke meta.llama3 anthropic - claude-x - -
bedrock-invoke meta.llama3 bedrock eu meta.llama3 = bedrock-invoke
bedrock-invoke meta.llama3 bedrock eu meta.llama4 - -
bedrock-invoke anthropic.claude-x openai - gpt-5 ~ openai-chat
bedrock-invoke amazon.titan openai - gpt-5 - -
openai-completions - openai - davinci-002 = openai-completions
openai-completions - anthropic - claude-x - -
ollama - openai - gpt-5 ~ openai-chat
cohere-chat - groq - m ~ openai-chat
`;

suite('the protocol of an attempt', () => {
  for (const line of CHOICES.trim().split('\n')) {
    const [dialect = '', from = '', type = '', setup = '', model = '', how = '', spoken = ''] = line.split(' ');
    test(line, () => {
      const caller = callerOf(dialect as DialectId, from === '-' ? {} : { pathModel: from });
      const chosen = dialectFor(providerOf(type as ProviderType, SETUPS[setup] ?? {}), caller, model);
      assert.deepEqual(chosen, how === '-' ? undefined : { dialect: spoken, same: how === '=' });
    });
  }

  test('operations that only the addressed provider has are no chain’s', () => {
    const openai = providerOf('openai');
    const at = (dialect: DialectId, path: string) => dialectFor(openai, callerOf(dialect, { path }), 'm');
    assert.equal(at('openai-responses', '/v1/responses/compact'), undefined);
    assert.equal(at('openai-chat', '/v1/fim/completions'), undefined);
    assert.equal(at('ollama', '/api/generate'), undefined);
    assert.equal(at('openai-chat', '/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict'), undefined);
    assert.ok(at('anthropic-messages', '/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict'));
    assert.ok(at('openai-chat', '/v1/chat/completions'));
  });

  test('a model’s name cannot lead to another path', () => {
    const bedrock = providerOf('bedrock', SETUPS['eu']);
    for (const model of ['', '.', '..']) {
      assert.equal(dialectFor(bedrock, callerOf('bedrock-converse'), model), undefined);
    }
    const path = (model: string) => requestOf({ provider: bedrock, dialect: 'bedrock-converse', model }).place.path;
    assert.equal(path('../x?y#\n'), '/model/..%2Fx%3Fy%23%0A/converse');
    assert.equal(path('\ud800'), '/model/%EF%BF%BD/converse');
  });

  test('embeddings and token counts are never translated', () => {
    const path = (type: ProviderType, dialect: DialectId, operation: 'embed' | 'count-tokens', model: string) => {
      const provider = providerOf(
        type,
        type === 'vertex' ? (SETUPS['region'] ?? {}) : type === 'bedrock' ? (SETUPS['eu'] ?? {}) : {},
      );
      if (dialectFor(provider, callerOf(dialect, { operation }), model) === undefined) return undefined;
      return requestOf({ provider, dialect, operation, model }).place.path;
    };
    assert.equal(path('openai', 'openai-embeddings', 'embed', 'e'), '/v1/embeddings');
    assert.equal(path('mistral', 'openai-embeddings', 'embed', 'e'), '/v1/embeddings');
    assert.equal(path('cohere', 'cohere-embed', 'embed', 'e'), '/v2/embed');
    assert.equal(path('anthropic', 'openai-embeddings', 'embed', 'e'), undefined);
    assert.equal(path('cohere', 'openai-embeddings', 'embed', 'e'), undefined);
    assert.equal(path('groq', 'openai-embeddings', 'embed', 'e'), undefined);
    assert.equal(path('anthropic', 'anthropic-messages', 'count-tokens', 'claude-x'), '/v1/messages/count_tokens');
    assert.equal(
      path('vertex', 'anthropic-messages', 'count-tokens', 'claude-x'),
      '/v1/projects/p1/locations/europe-west4/publishers/anthropic/models/count-tokens:rawPredict',
    );
    assert.equal(path('gemini', 'gemini', 'count-tokens', 'g'), '/v1beta/models/g:countTokens');
    assert.equal(path('bedrock', 'anthropic-messages', 'count-tokens', 'anthropic.claude-x'), undefined);
    assert.equal(path('openai', 'anthropic-messages', 'count-tokens', 'gpt-5'), undefined);
  });

  test('a Gemini caller who did not ask for events gets the array that it expects', () => {
    const asked = { provider: providerOf('gemini'), dialect: 'gemini', model: 'g', stream: true } as const;
    const path = (callerTarget: string) => requestOf({ ...asked, callerTarget }).place.path;
    assert.equal(path('/v1beta/models/a:streamGenerateContent?key=k'), '/v1beta/models/g:streamGenerateContent');
    assert.match(path('/v1/models/a:streamGenerateContent?key=k&alt=sse'), /\?alt=sse$/);
    assert.match(requestOf({ ...asked, callerDialect: 'openai-chat', callerTarget: '/' }).place.path, /\?alt=sse$/);
  });
});

suite('credentials', () => {
  test('AWS keys sign what goes out', () => {
    const aws: Secret = { kind: 'aws', accessKeyId: 'AKID', secretAccessKey: 'sk', sessionToken: 'session' };
    const provider = providerOf('bedrock', { placement: { region: 'eu-west-1' }, secrets: [aws] });
    const asked = { provider, dialect: 'bedrock-converse', model: 'm:0' } as const;
    const signed = headersOf(requestOf(asked));
    assert.match(
      signed.get('authorization') ?? '',
      /^AWS4-HMAC-SHA256 Credential=AKID\/20300102\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    assert.equal(signed.get('x-amz-security-token'), 'session');
    const other = headersOf(requestOf({ ...asked, body: Buffer.from('{}') }));
    assert.notEqual(other.get('authorization'), signed.get('authorization'));
    // Without a region in the configuration, the host says it.
    const byHost = providerOf('bedrock', {
      baseUrl: 'https://bedrock-runtime.us-east-1.amazonaws.com',
      secrets: [aws],
    });
    assert.match(headersOf(requestOf({ ...asked, provider: byHost })).get('authorization') ?? '', /us-east-1/);
  });

  test('Google’s accounts bring a token', () => {
    const google: Secret = { kind: 'google', clientEmail: 'a', privateKey: 'pem', tokenUri: 'https://t.example' };
    const provider = providerOf('vertex', { ...SETUPS['region'], secrets: [google] });
    const asked = { provider, dialect: 'gemini', model: 'g' } as const;
    assert.equal(headersOf(requestOf({ ...asked, token: 'ya29' })).get('authorization'), 'Bearer ya29');
    assert.throws(() => requestOf(asked), { code: 'OUT_INTERNAL' });
  });
});
