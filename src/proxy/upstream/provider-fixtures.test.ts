// SPDX-License-Identifier: Apache-2.0
// One request of an OpenAI caller that uses what hosts differ in, at every type that speaks chat completions: which members arrive, and
// what is said to be lost. Written by hand from docs/reference/providers.md; the splice and the codec must agree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providerOf } from '../../../test/fakes/attempt-request.ts';
import { NO_FACTS } from '../../../test/fakes/hub-request.ts';
import { fitQuirks } from '../dialects/hub/fit-quirks.ts';
import { openaiChatCodec } from '../dialects/openai/codec/codec.ts';
import { PROVIDER_TYPES, type ProviderType } from './provider-types.ts';
import { quirksOf } from './transport.ts';

const ASKED = {
  model: 'm',
  messages: [
    { role: 'developer', content: 'be brief' },
    { role: 'user', content: 'q' },
    {
      role: 'assistant',
      tool_calls: [{ id: 'call_abcdefghijklmnop', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_abcdefghijklmnop', content: '1' },
  ],
  tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }],
  tool_choice: 'required',
  parallel_tool_calls: false,
  stream: true,
  stream_options: { include_usage: true },
  max_completion_tokens: 9,
  seed: 1,
  presence_penalty: 1,
  frequency_penalty: 1,
  verbosity: 'low',
  prompt_cache_key: 'k',
};

/** What a type changes: [how the limit is called, members that do not arrive, other differences]. */
type Row = readonly [limit: 'max_tokens' | 'max_completion_tokens', gone: readonly string[], other?: string];

const PLAIN: Row = ['max_tokens', []];
const ROWS: Readonly<Partial<Record<ProviderType, Row>>> = {
  openai: ['max_completion_tokens', []],
  azure: ['max_completion_tokens', []],
  mistral: ['max_tokens', ['prompt_cache_key', 'stream_options', 'verbosity'], 'any, random_seed, short ids'],
  groq: ['max_completion_tokens', []],
  xai: ['max_completion_tokens', ['frequency_penalty', 'presence_penalty']],
  deepseek: PLAIN,
  openrouter: PLAIN,
  together: PLAIN,
  fireworks: PLAIN,
  cerebras: ['max_completion_tokens', ['frequency_penalty', 'presence_penalty', 'verbosity']],
  perplexity: ['max_tokens', ['parallel_tool_calls', 'seed']],
  nebius: PLAIN,
  huggingface: PLAIN,
  databricks: ['max_tokens', ['parallel_tool_calls', 'prompt_cache_key']],
  ollama: PLAIN,
  vllm: PLAIN,
  sglang: PLAIN,
  lmstudio: PLAIN,
  'openai-compatible': PLAIN,
  vertex: PLAIN,
};

const MODELS: Readonly<Partial<Record<ProviderType, string>>> = { perplexity: 'sonar-pro', vertex: 'meta/llama' };

/** Without a place in the cloud there is no path to speak on. */
const PLACED: Readonly<Partial<Record<ProviderType, Parameters<typeof providerOf>[1]>>> = {
  vertex: { placement: { project: 'p', location: 'eu' } },
};

interface Sent {
  readonly [member: string]: unknown;
  readonly messages: readonly { readonly role: string; readonly tool_call_id?: string }[];
}

/** The members that a host gets, in the words of a row. */
function rowOf(sent: Sent): string {
  const limit = 'max_tokens' in sent ? 'max_tokens' : 'max_completion_tokens';
  const renamed = 'random_seed' in sent;
  const gone = Object.keys(ASKED).filter(
    (name) => !(name in sent) && !/^max_/.test(name) && !(name === 'seed' && renamed),
  );
  const other = [
    ...(sent['tool_choice'] === 'any' ? ['any'] : []),
    ...(renamed ? ['random_seed'] : []),
    ...(sent.messages.some(({ tool_call_id: id }) => id?.length === 9) ? ['short ids'] : []),
  ];
  assert.ok(sent.messages.every(({ role }) => role !== 'developer'));
  return JSON.stringify([limit, gone.toSorted(), other.join(', ')]);
}

test('every type that speaks chat completions has its row', () => {
  const speaking = Object.entries(PROVIDER_TYPES).filter(([, { speaks }]) =>
    speaks.some(({ dialect }) => dialect === 'openai-chat'),
  );
  assert.deepEqual(Object.keys(ROWS).toSorted(), speaking.map(([type]) => type).toSorted());
});

for (const [name, [limit, gone, other = '']] of Object.entries(ROWS)) {
  test(`${name}: spliced and written anew, the host gets what it knows`, () => {
    const type = name as ProviderType;
    const model = MODELS[type] ?? 'm';
    const quirks = quirksOf(providerOf(type, PLACED[type] ?? {}), 'openai-chat', model);
    const expected = JSON.stringify([limit, gone.toSorted(), other]);

    const spliced = fitQuirks(Buffer.from(JSON.stringify(ASKED)), quirks, model);
    assert.equal(rowOf(JSON.parse(spliced.body.toString()) as Sent), expected, 'spliced');

    const recognised = {
      dialect: 'openai-chat',
      operation: 'generate',
      pathModel: undefined,
      pathStream: undefined,
    } as const;
    const { request } = openaiChatCodec.decodeRequest(recognised, ASKED);
    assert.ok(request !== undefined);
    const target = { model, facts: NO_FACTS, quirks, defaultMaxTokens: 9, mayUseOpaque: false };
    const anew = openaiChatCodec.encodeRequest(request, target);
    assert.equal(rowOf(JSON.parse(JSON.stringify(anew.body)) as Sent), expected, 'written anew');

    const lost = (losses: readonly { readonly code: string }[]) => losses.map(({ code }) => code);
    for (const code of lost(spliced.losses))
      assert.ok(lost(anew.losses).includes(code), `${code} is said by the splice alone`);
  });
}
