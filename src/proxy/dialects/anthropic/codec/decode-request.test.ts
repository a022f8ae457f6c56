// SPDX-License-Identifier: Apache-2.0
// Anthropic requests to the hub: a whole document, and one loss after the other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST } from '../../../../../test/fakes/hub-request.ts';
import { bedrockInvokeCodec } from '../../bedrock/codec/invoke.ts';
import type { Recognised } from '../../dialect.ts';
import type { Loss } from '../../hub/loss.ts';
import { anthropicCodec } from './codec.ts';

const HERE: Recognised = {
  dialect: 'anthropic-messages',
  operation: 'generate',
  pathModel: undefined,
  pathStream: undefined,
};

function decode(body: unknown, recognised = HERE) {
  return anthropicCodec.decodeRequest(recognised, body);
}

function codes(losses: readonly Loss[]): readonly string[] {
  return [...new Set(losses.map(({ code }) => code))].sort();
}

const base = { model: 'claude-x', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

test('a full request decodes to the hub without a loss', () => {
  const schema = { type: 'object', properties: { z: { type: 'string' }, a: {} } };
  const { request, losses } = decode({
    model: 'claude-sonnet-4-5',
    max_tokens: 2000,
    stream: true,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'document', title: 'paper', source: { type: 'url', url: 'https://example.com/a.pdf' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'sig' },
          { type: 'redacted_thinking', data: 'zzz' },
          { type: 'tool_use', id: 'toolu_1', name: 'find', input: { q: 'x' }, caller: { type: 'direct' } },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            is_error: true,
            content: [
              { type: 'text', text: 'none' },
              { type: 'image', source: { type: 'url', url: 'https://example.com/b.png' } },
            ],
          },
        ],
      },
    ],
    tools: [
      { name: 'find', description: 'finds', input_schema: schema, strict: true, cache_control: { type: 'ephemeral' } },
    ],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    thinking: { type: 'enabled', budget_tokens: 1024 },
    output_config: { format: { type: 'json_schema', schema } },
    metadata: { user_id: 'u1' },
    stop_sequences: ['END'],
    temperature: 1,
    top_p: 0.99,
    top_k: 4,
    service_tier: null,
    cache_control: null,
  });
  assert.deepEqual(losses, []);
  assert.deepEqual(request, {
    ...EMPTY_REQUEST,
    model: 'claude-sonnet-4-5',
    stream: true,
    messages: [
      { role: 'system', parts: [{ kind: 'text', text: 'Be brief.', cache: { ttl: '1h' } }] },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'look' },
          { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
          {
            kind: 'document',
            name: 'paper',
            source: { kind: 'url', url: 'https://example.com/a.pdf', mediaType: undefined },
          },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { kind: 'reasoning', text: 'hm', opaque: { dialect: 'anthropic-messages', form: 'signature', data: 'sig' } },
          { kind: 'reasoning', text: '', opaque: { dialect: 'anthropic-messages', form: 'redacted', data: 'zzz' } },
          { kind: 'tool-call', id: 'toolu_1', name: 'find', args: '{"q":"x"}' },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            kind: 'tool-result',
            id: 'toolu_1',
            name: 'find',
            isError: true,
            parts: [
              { kind: 'text', text: 'none' },
              { kind: 'image', source: { kind: 'url', url: 'https://example.com/b.png', mediaType: undefined } },
            ],
          },
        ],
      },
    ],
    tools: [{ name: 'find', description: 'finds', parameters: schema, strict: true, cache: { ttl: undefined } }],
    toolChoice: { kind: 'required' },
    parallelTools: false,
    output: { kind: 'json-schema', name: undefined, schema, strict: true },
    reasoning: { effort: undefined, budgetTokens: 1024, visible: undefined },
    maxOutputTokens: 2000,
    temperature: 1,
    topP: 0.99,
    topK: 4,
    stop: ['END'],
    user: 'u1',
  });
  assert.equal(request?.tools[0]?.parameters, schema);
});

test('of tools that are loaded on demand those are declared that the history has loaded or called', () => {
  const tool = (name: string) => ({ name, input_schema: {}, defer_loading: true });
  const { request, losses } = decode({
    ...base,
    tools: [{ name: 'search', input_schema: {} }, tool('found'), tool('hidden'), tool('called')],
    messages: [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'search', input: {} },
          { type: 'tool_use', id: 'b', name: 'called', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'tool_reference', tool_name: 'found' }] },
          { type: 'tool_result', tool_use_id: 'b', content: 'done' },
        ],
      },
    ],
  });
  assert.deepEqual(
    request?.tools.map(({ name }) => name),
    ['search', 'found', 'called'],
  );
  const results = request?.messages.flatMap(({ parts }) => parts).filter(({ kind }) => kind === 'tool-result');
  assert.deepEqual(results?.[0], {
    kind: 'tool-result',
    id: 'a',
    name: 'search',
    parts: [{ kind: 'text', text: 'The tool found is available now.' }],
    isError: false,
  });
  assert.deepEqual(
    losses.map(({ code, at }) => `${code} ${at}`),
    ['deferred-tools /messages/2/content/0/content/0', 'deferred-tools /tools/2'],
  );
});

test('what only Anthropic can do, or nobody can read, is a loss when it is read', () => {
  const withTool = (tool: unknown) => ({ ...base, tools: [tool] });
  const withBlock = (block: unknown) => ({ ...base, messages: [{ role: 'user', content: [block] }] });
  const cases: readonly (readonly [unknown, string])[] = [
    [withTool({ type: 'web_search_20250305', name: 'web_search' }), 'server-tool'],
    [withTool({ type: 'bash_20250124', name: 'bash' }), 'server-tool'],
    [withTool({ name: 'f', input_schema: {}, defer_loading: true }), 'deferred-tools'],
    [withTool({ type: 'tool_search_tool_regex_20251119', name: 'tool_search_tool_regex' }), 'server-tool'],
    [withTool({ name: 'f', input_schema: {}, allowed_callers: ['code_execution_20250825'] }), 'server-tool'],
    [withTool({ name: 'f', input_schema: {}, input_examples: [{}] }), 'unknown-field'],
    [withTool({ input_schema: {} }), 'not-understood'],
    [withTool(7), 'not-understood'],
    [{ ...base, mcp_servers: [{ url: 'https://x' }] }, 'server-tool'],
    [{ ...base, container: 'c1' }, 'stored-state'],
    [{ ...base, context_management: { edits: [1] } }, 'compaction'],
    [
      { ...base, context_management: { edits: [{ type: 'clear_thinking_20251015' }, { type: 'compact_20260112' }] } },
      'compaction',
    ],
    [{ ...base, context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] } }, 'context-edits'],
    [{ ...base, context_management: { edits: [] } }, 'compaction'],
    [{ ...base, cache_control: { type: 'ephemeral' } }, 'cache-control'],
    [{ ...base, service_tier: 'auto' }, 'service-tier'],
    [{ ...base, inference_geo: 'eu' }, 'not-understood'],
    [{ ...base, brand_new: 1 }, 'unknown-field'],
    [{ ...base, metadata: { user_id: 'u', more: 1 } }, 'unknown-field'],
    [{ ...base, temperature: 'warm' }, 'not-understood'],
    [{ ...base, tools: { a: 1 } }, 'not-understood'],
    [{ ...base, system: 5 }, 'not-understood'],
    [{ ...base, tool_choice: { type: 'maybe' } }, 'not-understood'],
    [{ ...base, output_config: { format: { type: 'grammar', grammar: 'x' } } }, 'not-understood'],
    [{ ...base, output_config: { effort: 'colossal' } }, 'reasoning-effort'],
    [{ ...base, thinking: { type: 'between_tools' } }, 'reasoning-effort'],
    [{ ...base, messages: [...base.messages, { role: 'assistant', content: 'Sure: ' }] }, 'prefill'],
    [withBlock({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }), 'server-tool'],
    [withBlock({ type: 'container_upload', file_id: 'f' }), 'file-reference'],
    [withBlock({ type: 'image', source: { type: 'file', file_id: 'f' } }), 'file-reference'],
    [withBlock({ type: 'document', source: { type: 'file', file_id: 'f' } }), 'file-reference'],
    [withBlock({ type: 'compaction', content: 'x' }), 'compaction'],
    [withBlock({ type: 'hologram' }), 'unknown-part'],
    [withBlock({ type: 'search_result', title: 't', source: 's', content: [] }), 'citations'],
    [withBlock({ type: 'document', citations: { enabled: true }, source: { type: 'text', data: 'x' } }), 'citations'],
    [withBlock({ type: 'text', text: 'x', citations: [{ type: 'char_location' }] }), 'citations'],
    [withBlock({ type: 'tool_use', id: '', name: 'f', input: {} }), 'not-understood'],
    [withBlock({ type: 'tool_use', id: 'a', name: 'f', input: {}, toolset_name: 'browser' }), 'server-tool'],
    [withBlock({ type: 'text', text: 5 }), 'not-understood'],
    [withBlock('text'), 'not-understood'],
  ];
  for (const [body, code] of cases) {
    const { losses } = decode(body);
    assert.deepEqual(codes(losses), [code], JSON.stringify(body));
  }
});

test('a shape that is no conversation is not understood, and nothing throws', () => {
  let deep: unknown = {};
  for (let n = 0; n < 20_000; n++) deep = { deep };
  const strange: readonly unknown[] = [
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { model: 'm' },
    { ...base, model: 5 },
    { ...base, messages: 'hi' },
    { ...base, messages: [5] },
    { ...base, messages: [{ role: 'tool', content: 'x' }] },
    { ...base, messages: [{ role: 'user' }] },
  ];
  for (const body of strange) {
    const { request, losses } = decode(body);
    assert.equal(request, undefined);
    assert.deepEqual(codes(losses), ['not-understood']);
  }
  const call = { type: 'tool_use', id: 'a', name: 'f', input: deep };
  const { losses } = decode({ ...base, messages: [{ role: 'user', content: [call] }], system: deep, tools: [deep] });
  assert.ok(codes(losses).includes('not-understood'));
  assert.equal(decode(base, { ...HERE, operation: 'count-tokens' }).request, undefined);
});

test('the model of the path and its word on streaming win (Vertex, Bedrock)', () => {
  const { request } = decode({ ...base, model: undefined }, { ...HERE, pathModel: 'claude-path', pathStream: true });
  assert.equal(request?.model, 'claude-path');
  assert.equal(request?.stream, true);
});

test('thinking and effort are read into one wish', () => {
  const read = (members: object) => decode({ ...base, ...members }).request?.reasoning;
  const wish = { effort: undefined, budgetTokens: undefined, visible: undefined };
  assert.equal(read({}), undefined);
  assert.deepEqual(read({ thinking: { type: 'adaptive' } }), wish);
  assert.deepEqual(read({ thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'max' } }), {
    ...wish,
    effort: 'max',
    visible: false,
  });
  assert.deepEqual(read({ thinking: { type: 'disabled' } }), { ...wish, effort: 'none' });
  assert.deepEqual(read({ output_config: { effort: 'low' } }), { ...wish, effort: 'low' });
  assert.deepEqual(read({ thinking: { type: 'enabled', budget_tokens: 2048, display: 'summarized' } }), {
    ...wish,
    budgetTokens: 2048,
    visible: true,
  });
});

test('InvokeModel: only bodies of Anthropic are understood', () => {
  const recognised: Recognised = {
    ...HERE,
    dialect: 'bedrock-invoke',
    pathModel: 'anthropic.claude-x',
    pathStream: true,
  };
  const body = {
    anthropic_version: 'bedrock-2023-05-31',
    anthropic_beta: ['b'],
    max_tokens: 5,
    messages: base.messages,
  };
  const { request, losses } = bedrockInvokeCodec.decodeRequest(recognised, body);
  assert.equal(request?.model, 'anthropic.claude-x');
  assert.equal(request?.stream, true);
  assert.deepEqual(losses, [{ code: 'beta', at: '/anthropic_beta' }]);
  const titan = bedrockInvokeCodec.decodeRequest(recognised, { inputText: 'x' });
  assert.equal(titan.request, undefined);
  assert.deepEqual(codes(titan.losses), ['not-understood']);
});
