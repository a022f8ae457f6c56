// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { callerOf, headersOf, providerOf, requestOf } from '../../../test/fakes/attempt-request.ts';
import type { DialectId } from '../dialects/dialect.ts';
import { fitQuirks } from '../dialects/hub/fit-quirks.ts';
import type { ProviderKey, Secret } from '../policy/policy.ts';
import { PROVIDER_TYPES, type ProviderType } from './provider-types.ts';
import { dialectFor, quirksOf } from './transport.ts';

const bedrock = providerOf('bedrock', { placement: { region: 'eu-west-1' } });
const vertex = providerOf('vertex', { placement: { project: 'p1', location: 'eu' } });
const anthropic = providerOf('anthropic');

suite('bodies', () => {
  const claude = '{"stream" : true, "model":"claude-x","max_tokens":1e1, "messages":[ ]}';

  test('the caller’s bytes go out as they are where the target says nothing else', () => {
    const body = Buffer.from('{ "model" : "gpt-5","x":1.0}');
    assert.equal(requestOf({ provider: providerOf('groq'), dialect: 'openai-chat', model: 'gpt-5', body }).body, body);
    const gemini = { provider: providerOf('gemini'), dialect: 'gemini', model: 'g', body } as const;
    assert.equal(requestOf(gemini).body, body);
  });

  test('a model that the caller said elsewhere, or otherwise, is put into the body', () => {
    const at = (text: string) =>
      requestOf({
        provider: providerOf('groq'),
        dialect: 'openai-chat',
        model: 'm',
        body: Buffer.from(text),
      }).body.toString();
    assert.equal(at('{"messages":[]}'), '{"messages":[],"model":"m"}');
    assert.equal(at('{"model": "gpt-5","messages":[]}'), '{"model": "m","messages":[]}');
    assert.equal(at('no JSON'), 'no JSON');
  });

  test('Messages inside InvokeModel: model and stream leave for the URL, version and betas come in', () => {
    const out = requestOf({
      provider: bedrock,
      dialect: 'bedrock-invoke',
      callerDialect: 'anthropic-messages',
      model: 'anthropic.claude-x',
      stream: true,
      body: Buffer.from(claude),
      callerHeaders: [
        'Anthropic-Beta',
        'context-1m-2025-08-07, oauth-2025-04-20',
        'anthropic-beta',
        'unknown-2026-01-01',
      ],
    });
    assert.equal(
      out.body.toString(),
      '{"max_tokens":1e1, "messages":[ ],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["context-1m-2025-08-07"]}',
    );
    assert.equal(out.losesBeta, true);
    assert.equal(out.reframe, 'invoke-to-sse');
    assert.equal(headersOf(out).get('anthropic-beta'), undefined);
    assert.equal(headersOf(out).get('accept-encoding'), 'identity');
    assert.deepEqual(out.recognised, {
      dialect: 'bedrock-invoke',
      operation: 'generate',
      pathModel: 'anthropic.claude-x',
      pathStream: true,
    });
  });

  test('InvokeModel’s body at Anthropic: what the URL said comes in, version and betas leave for headers', () => {
    const body = Buffer.from(
      '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["context-1m-2025-08-07"],"messages":[]}',
    );
    const asked = {
      provider: anthropic,
      dialect: 'anthropic-messages',
      callerDialect: 'bedrock-invoke',
      model: 'claude-x',
      body,
    } as const;
    const out = requestOf({ ...asked, stream: true });
    assert.equal(out.body.toString(), '{"messages":[],"model":"claude-x","stream":true}');
    assert.equal(out.reframe, 'sse-to-invoke');
    assert.equal(headersOf(out).get('anthropic-beta'), 'context-1m-2025-08-07');
    const whole = requestOf(asked);
    assert.equal(whole.body.toString(), '{"messages":[],"model":"claude-x"}');
    assert.equal(whole.reframe, 'none');
  });

  test('InvokeModel’s body at InvokeModel stays as it is', () => {
    const body = Buffer.from('{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["any"]}');
    const out = requestOf({
      provider: bedrock,
      dialect: 'bedrock-invoke',
      model: 'anthropic.claude-x',
      body,
      stream: true,
    });
    assert.equal(out.body, body);
    assert.equal(out.reframe, 'none');
  });

  test('Messages at Vertex: the model leaves, the version comes in, the stream flag stays', () => {
    const asked = {
      provider: vertex,
      dialect: 'anthropic-messages',
      model: 'claude-x',
      body: Buffer.from(claude),
    } as const;
    const out = requestOf({ ...asked, stream: true });
    const version = '"anthropic_version":"vertex-2023-10-16"';
    assert.equal(out.body.toString(), `{"stream" : true,"max_tokens":1e1, "messages":[ ],${version}}`);
    assert.equal(headersOf(out).get('anthropic-version'), undefined);
    assert.equal(out.reframe, 'none');
    const count = requestOf({ ...asked, operation: 'count-tokens', body: Buffer.from('{"model":"claude-y"}') });
    assert.equal(count.body.toString(), `{"model":"claude-x",${version}}`);
    // And back: a caller of Vertex has the model and the stream in its path.
    const back = Buffer.from(`{${version},"messages":[]}`);
    const home = requestOf({
      provider: anthropic,
      dialect: 'anthropic-messages',
      model: 'claude-x',
      body: back,
      stream: true,
    });
    assert.equal(home.body.toString(), '{"messages":[],"model":"claude-x","stream":true}');
  });
});

suite('headers', () => {
  const asked = { provider: providerOf('openai'), dialect: 'openai-chat', model: 'm' } as const;

  test('are a fresh set', () => {
    const callerHeaders = [
      'Host',
      'h',
      'User-Agent',
      'app/1',
      'X-Stainless-OS',
      'Linux',
      'accept-encoding',
      'br',
      'Expect',
      '1',
    ];
    assert.deepEqual(
      [...headersOf(requestOf({ ...asked, callerHeaders, stream: true }))],
      [
        ['host', 'api.openai.com'],
        ['content-type', 'application/json'],
        ['accept', 'text/event-stream'],
        ['accept-encoding', 'br'],
        ['user-agent', 'outpost'],
      ],
    );
  });

  test('only codings that can be looked into are asked for', () => {
    const at = (coding: string) =>
      headersOf(requestOf({ ...asked, callerHeaders: ['accept-encoding', coding] })).get('accept-encoding');
    assert.equal(at('gzip;q=0.5, dcb,zstd'), 'gzip;q=0.5, zstd');
    assert.equal(at('*'), 'identity');
  });

  test('what is translated is not compressed', () => {
    const out = requestOf({ ...asked, callerDialect: 'gemini', callerHeaders: ['accept-encoding', 'br'] });
    assert.equal(headersOf(out).get('accept-encoding'), 'identity');
  });

  test('a beta that the target is not told of is a loss, but for the credential’s own', () => {
    const lost = (
      type: ProviderType,
      dialect: DialectId,
      beta: string,
      callerDialect: DialectId = 'anthropic-messages',
    ) =>
      requestOf({
        provider: type === 'vertex' ? vertex : providerOf(type),
        dialect,
        callerDialect,
        model: type === 'vertex' ? 'claude-x' : 'm',
        callerHeaders: beta === '' ? [] : ['anthropic-beta', beta],
      }).losesBeta;
    for (const [type, dialect, beta, loses] of [
      ['vllm', 'anthropic-messages', '', false],
      ['vllm', 'anthropic-messages', 'any-2030-01-01,any-2030-01-01', false],
      ['vllm', 'anthropic-messages', 'oauth-2025-04-20', false],
      ['vllm', 'anthropic-messages', 'a-1, no beta', true],
      ['vllm', 'anthropic-messages', Array.from({ length: 33 }, (_, at) => `b-${at}`).join(), true],
      ['vertex', 'anthropic-messages', 'context-1m-2025-08-07,oauth-2025-04-20', false],
      ['vertex', 'anthropic-messages', 'any-2030-01-01', true],
      ['openai', 'openai-chat', 'any-2030-01-01', true],
      ['openai', 'openai-chat', 'oauth-2025-04-20', false],
    ] as const) {
      assert.equal(lost(type, dialect, beta), loses, `${type} ${beta}`);
    }
    assert.equal(
      lost('openai', 'openai-chat', 'any-2030-01-01', 'openai-chat'),
      false,
      'of a caller who speaks no such dialect',
    );
  });

  test('betas and versions go to those who know them', () => {
    const callerHeaders = [
      'anthropic-version',
      '2024-01-01',
      'anthropic-beta',
      'b-1,oauth-1,b-1, bad beta',
      'OpenAI-Beta',
      'r=v1',
    ];
    const at = (type: ProviderType, dialect: DialectId, callerDialect = dialect) => {
      const headers = headersOf(
        requestOf({ provider: providerOf(type), dialect, callerDialect, model: 'm', callerHeaders }),
      );
      return ['anthropic-version', 'anthropic-beta', 'openai-beta'].map((name) => headers.get(name));
    };
    assert.deepEqual(at('anthropic', 'anthropic-messages'), ['2024-01-01', 'b-1', undefined]);
    assert.deepEqual(at('vllm', 'anthropic-messages'), ['2024-01-01', 'b-1', undefined]);
    assert.deepEqual(at('anthropic', 'anthropic-messages', 'openai-chat'), ['2024-01-01', undefined, undefined]);
    assert.deepEqual(at('openai', 'openai-chat'), [undefined, undefined, 'r=v1']);
    assert.deepEqual(at('groq', 'openai-chat'), [undefined, undefined, undefined]);
    const odd = {
      provider: anthropic,
      dialect: 'anthropic-messages',
      model: 'm',
      callerHeaders: ['anthropic-version', 'x\ty'],
    } as const;
    assert.equal(headersOf(requestOf(odd)).get('anthropic-version'), '2023-06-01');
  });
});

suite('quirks', () => {
  test('a request for OpenAI fits Mistral', () => {
    const mistral = providerOf('mistral');
    const { body, losses } = fitQuirks(
      Buffer.from(
        '{"model":"m","max_completion_tokens":5,"seed":1,"store":false,"stream_options":{"include_usage":true},"tool_choice":"required"}',
      ),
      quirksOf(mistral, 'openai-chat', 'm'),
      'm',
    );
    assert.equal(body.toString(), '{"model":"m","max_tokens":5,"random_seed":1,"tool_choice":"any"}');
    assert.deepEqual(losses, []);
  });

  test('a request for Anthropic fits the clouds: what they take stays, what they refuse goes', () => {
    const effort = '"output_config":{"effort":"low"},';
    const body = (more: string, mark: string, tool: string, config = effort): string =>
      `{${more}"metadata":{"user_id":"u"},"thinking":{"type":"adaptive"},${config}` +
      `"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"${mark}}}],"tools":[{"name":"f"${tool}}]}`;
    const own =
      '"service_tier":"auto","speed":"fast","cache_control":{"type":"ephemeral"},"diagnostics":{"a":1},"fallbacks":[{"model":"m"}],';
    const asked = body(own, ',"ttl":"1h","scope":"global"', ',"strict":true,"eager_input_streaming":true');
    const fit = (provider: typeof bedrock, dialect: DialectId, model: string) => {
      const { body: out, losses } = fitQuirks(Buffer.from(asked), quirksOf(provider, dialect, model), model);
      return [out.toString(), [...new Set(losses.map(({ code }) => code))]];
    };
    const lost = ['service-tier', 'unknown-field', 'cache-control'];
    const [strict, eager] = [',"strict":true', ',"strict":true,"eager_input_streaming":true'];
    assert.deepEqual(fit(bedrock, 'bedrock-invoke', 'anthropic.claude-opus-5'), [body('', ',"ttl":"1h"', eager), lost]);
    assert.deepEqual(fit(bedrock, 'bedrock-invoke', 'anthropic.claude-sonnet-4-5-20250929-v1:0'), [
      body('', ',"ttl":"1h"', strict, ''),
      [...lost, 'reasoning-effort', 'stream-options'],
    ]);
    assert.deepEqual(fit(bedrock, 'bedrock-invoke', 'anthropic.claude-3-7-sonnet-20250219-v1:0'), [
      body('', '', strict, ''),
      [...lost, 'reasoning-effort', 'stream-options'],
    ]);
    assert.deepEqual(fit(vertex, 'anthropic-messages', 'claude-3-7-sonnet@20250219'), [
      body('', ',"ttl":"1h"', eager, ''),
      [...lost, 'reasoning-effort'],
    ]);
    assert.deepEqual(fit(anthropic, 'anthropic-messages', 'claude-opus-5'), [asked, []]);
  });

  test('are those of the dialect that is spoken', () => {
    const deepseek = providerOf('deepseek');
    assert.equal(quirksOf(deepseek, 'openai-chat', 'm').jsonSchema, 'json-object');
    assert.equal(quirksOf(deepseek, 'anthropic-messages', 'm').jsonSchema, 'none');
    assert.deepEqual(quirksOf(deepseek, 'openai-responses', 'm'), {});
    assert.deepEqual(quirksOf(anthropic, 'anthropic-messages', 'm'), {});
  });
});

/** Everything that a caller could send with a credential of its own in it. */
const CANARY = 'canary-of-the-caller';
const callerHeaders = [
  ...['Authorization', `Bearer ${CANARY}`, 'X-Api-Key', CANARY, 'api-key', CANARY, 'x-goog-api-key', CANARY],
  ...[
    'Cookie',
    `session=${CANARY}`,
    'Proxy-Authorization',
    CANARY,
    'X-Amz-Security-Token',
    CANARY,
    'x-amz-date',
    CANARY,
  ],
  ...[
    'OpenAI-Organization',
    CANARY,
    'openai-project',
    CANARY,
    'x-goog-user-project',
    CANARY,
    'ChatGPT-Account-Id',
    CANARY,
  ],
  ...[
    'X-Custom-Auth',
    CANARY,
    'Sec-WebSocket-Protocol',
    `openai-insecure-api-key.${CANARY}`,
    'anthropic-workspace-id',
    CANARY,
  ],
];

const SECRETS: readonly Secret[] = [
  { kind: 'text', value: 'canary-text' },
  { kind: 'aws', accessKeyId: 'canary-access', secretAccessKey: 'canary-aws', sessionToken: 'canary-session' },
  { kind: 'google', clientEmail: 'canary-mail', privateKey: 'canary-pem', tokenUri: 'https://canary.example' },
];

test('no key of another provider and no credential of the caller is in any request', () => {
  const foreign = SECRETS.map((secret): ProviderKey => ({ name: 'key-1', weight: 1, secret }));
  let built = 0;
  for (const type of Object.keys(PROVIDER_TYPES) as ProviderType[]) {
    const baseUrl = PROVIDER_TYPES[type].defaultBaseUrl ?? 'https://own.example';
    const placement = { region: 'eu-west-1', project: 'p1', location: 'eu' };
    const provider = providerOf(type, { baseUrl, placement, secrets: [{ kind: 'text', value: 'own-key' }] });
    for (const { dialect } of PROVIDER_TYPES[type].speaks) {
      for (const model of ['m', 'claude-x', 'sonar', 'meta/m']) {
        const operation = dialect.endsWith('embed') || dialect.endsWith('embeddings') ? 'embed' : 'generate';
        if (dialectFor(provider, callerOf(dialect, { operation, pathModel: model }), model)?.dialect !== dialect)
          continue;
        const asked = {
          provider,
          dialect,
          operation,
          model,
          callerHeaders,
          callerTarget: `/?key=${CANARY}&alt=sse`,
        } as const;
        for (const stream of [false, true]) {
          for (const key of [
            undefined,
            provider.credential.kind === 'keys' ? provider.credential.keys[0] : undefined,
          ]) {
            const out = requestOf({ ...asked, stream, key });
            const all = `${JSON.stringify(out.place)}${out.headers.join('\n')}${out.body}`;
            assert.ok(!all.includes('canary'), `${type} ${dialect}`);
            assert.equal(all.includes('own-key'), key !== undefined, `${type} ${dialect}`);
            built++;
          }
        }
        for (const key of foreign) {
          assert.throws(
            () => requestOf({ ...asked, key, token: 'canary-token' }),
            (error) => {
              assert.ok(error instanceof Error && !String(error.stack).includes('canary-'), `${type} ${dialect}`);
              return true;
            },
          );
        }
      }
    }
    // Keys that are the provider's own, but of a kind that it has no use for.
    const [first] = PROVIDER_TYPES[type].speaks;
    for (const secret of SECRETS.slice(1)) {
      if (
        (secret.kind === 'aws' && type === 'bedrock') ||
        (secret.kind === 'google' && /^(?:vertex|gemini)$/.test(type))
      )
        continue;
      const wrong = providerOf(type, { baseUrl, placement, secrets: [secret] });
      const model = type === 'perplexity' ? 'sonar' : 'm';
      assert.throws(
        () => requestOf({ provider: wrong, dialect: first?.dialect ?? 'openai-chat', model, token: 'canary-token' }),
        (error) =>
          error instanceof Error && /has no use for a key/.test(error.message) && !error.message.includes('canary'),
      );
    }
  }
  assert.ok(built > 400, String(built));
});
