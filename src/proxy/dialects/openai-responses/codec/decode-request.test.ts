// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT_TURN, CLOSED } from '../../../../../test/fakes/responses-turn.ts';
import { isEssential } from '../../hub/loss.ts';
import { decodeRequest } from './decode-request.ts';

function decoded(body: unknown) {
  const { request, losses } = decodeRequest(body);
  return { request, codes: losses.map(({ code, at }) => `${code} ${at}`) };
}

test('a whole agent turn is read, items of one turn together', () => {
  const { request, codes } = decoded(AGENT_TURN);
  assert.deepEqual(codes, []);
  assert.ok(request);
  assert.deepEqual(
    request.messages.map(({ role, parts }) => [role, parts.map(({ kind }) => kind)]),
    [
      ['system', ['text']],
      ['system', ['text']],
      ['user', ['text', 'image', 'document', 'document']],
      ['assistant', ['reasoning', 'text', 'tool-call', 'tool-call']],
      ['user', ['tool-result', 'tool-result']],
      ['user', ['text']],
    ],
  );
  assert.deepEqual(request.messages[3]?.parts[0], {
    kind: 'reasoning',
    text: 'Hm.',
    opaque: { dialect: 'openai-responses', form: 'encrypted', data: 'gAAA', id: 'rs_1' },
  });
  assert.deepEqual(request.messages[2]?.parts[1], {
    kind: 'image',
    source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' },
    detail: 'high',
  });
  assert.deepEqual(request.messages[4]?.parts[1], {
    kind: 'tool-result',
    id: 'call_B',
    name: 'shot',
    parts: [
      { kind: 'text', text: 'seen' },
      { kind: 'image', source: { kind: 'url', url: 'https://example.org/i.png', mediaType: undefined } },
    ],
    isError: false,
  });
  assert.equal(request.tools[0]?.parameters, CLOSED);
  assert.deepEqual(request.reasoning, { effort: 'high', budgetTokens: undefined, visible: true });
  assert.deepEqual(
    [request.stream, request.maxOutputTokens, request.cacheKey, request.user, request.verbosity],
    [true, 900, 'k1', 'u1', 'low'],
  );
});

test('what only OpenAI can do is an essential loss, each by its code', () => {
  const rows: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ previous_response_id: 'resp_1' }, 'stored-state /previous_response_id'],
    [{ conversation: { id: 'conv_1' } }, 'stored-state /conversation'],
    [{ background: true }, 'stored-state /background'],
    [{ prompt: { id: 'p' } }, 'stored-state /prompt'],
    [{ context_management: [{ type: 'compaction' }] }, 'compaction /context_management'],
    [{ top_logprobs: 2 }, 'logprobs /top_logprobs'],
    [{ include: ['message.output_text.logprobs'] }, 'logprobs /include'],
    [{ tools: [{ type: 'web_search' }] }, 'server-tool /tools/0'],
    [{ tools: [{ type: 'mcp', server_label: 'x' }] }, 'server-tool /tools/0'],
    [{ tools: [{ type: 'custom', name: 'exec' }] }, 'custom-tool /tools/0'],
    [{ tools: [{ type: 'namespace', name: 'n', tools: [] }] }, 'custom-tool /tools/0'],
    [{ tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } }, 'tool-choice /tool_choice'],
    [{ tool_choice: { type: 'custom', name: 'x' } }, 'custom-tool /tool_choice'],
    [{ text: { format: { type: 'grammar' } } }, 'not-understood /text/format'],
    [{ temperature: 'hot' }, 'not-understood /temperature'],
    [{ instructions: ['x'] }, 'not-understood /instructions'],
    [{ tools: 'all' }, 'not-understood /tools'],
  ];
  for (const [members, expected] of rows) {
    const { codes } = decoded({ model: 'm', input: 'hi', ...members });
    assert.deepEqual(codes, [expected]);
    assert.ok(decodeRequest({ model: 'm', input: 'hi', ...members }).losses.every(isEssential), expected);
  }
  const items: readonly (readonly [unknown, string])[] = [
    [{ type: 'item_reference', id: 'msg_1' }, 'stored-state /input/0'],
    [{ id: 'msg_1' }, 'stored-state /input/0'],
    [{ type: 'compaction', encrypted_content: 'x' }, 'compaction /input/0'],
    [{ type: 'additional_tools', tools: [] }, 'custom-tool /input/0'],
    [{ type: 'custom_tool_call', call_id: 'a', name: 'exec', input: 'x' }, 'custom-tool /input/0'],
    [
      { type: 'function_call', call_id: 'a', name: 'x', namespace: 'n', arguments: '' },
      'custom-tool /input/0/namespace',
    ],
    [{ type: 'function_call', call_id: 'a', name: 'x', caller: { type: 'program' } }, 'server-tool /input/0/caller'],
    [{ type: 'mcp_call', id: 'x' }, 'server-tool /input/0'],
    [{ type: 'computer_call_output' }, 'server-tool /input/0'],
    [{ type: 'web_search_call' }, 'server-tool /input/0'],
    [{ type: 'image_generation_call' }, 'server-tool /input/0'],
    [{ type: 'something_new' }, 'unknown-part /input/0'],
    [{ role: 'critic', content: 'x' }, 'not-understood /input/0/role'],
    [{ role: 'user', content: 7 }, 'not-understood /input/0/content'],
    [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }, 'file-reference /input/0/content/0/file_id'],
    [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }, 'file-reference /input/0/content/0/file_id'],
    [{ role: 'user', content: [{ type: 'input_audio' }] }, 'audio /input/0/content/0'],
    [{ role: 'user', content: [{ type: 'hologram' }] }, 'unknown-part /input/0/content/0'],
    [{ type: 'function_call_output', output: 'x' }, 'tool-pairing /input/0'],
    ['text', 'not-understood /input/0'],
  ];
  for (const [item, expected] of items) assert.deepEqual(decoded({ model: 'm', input: [item] }).codes, [expected]);
});

test('what is only dropped is advisory, and what says nothing is no loss', () => {
  const rows: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
    [{ store: true }, ['store /store']],
    [{ truncation: 'auto' }, ['truncation /truncation']],
    [{ service_tier: 'flex' }, ['service-tier /service_tier']],
    [{ metadata: { a: 'b' } }, ['metadata /metadata']],
    [{ include: ['reasoning.encrypted_content'] }, ['include /include']],
    [{ stream_options: { include_obfuscation: true } }, ['stream-options /stream_options']],
    [{ prompt_cache_retention: '24h' }, ['cache-control /prompt_cache_retention']],
    [{ user: 'a', safety_identifier: 'b' }, ['user /user']],
    [{ reasoning: { effort: 'gigantic' } }, ['reasoning-effort /reasoning/effort']],
    [{ text: { verbosity: 'chatty' } }, ['verbosity /text/verbosity']],
    [{ surprise: 1 }, ['unknown-field ']],
    [
      {
        store: false,
        truncation: 'disabled',
        service_tier: 'auto',
        metadata: {},
        include: [],
        background: false,
        previous_response_id: null,
        max_tool_calls: 3,
        top_logprobs: 0,
        tools: [],
        tool_choice: 'auto',
        text: { format: { type: 'text' } },
        surprise: null,
      },
      [],
    ],
  ];
  for (const [members, expected] of rows) {
    const { codes, request } = decoded({ model: 'm', input: 'hi', ...members });
    assert.deepEqual(codes, expected);
    assert.ok(request);
  }
  const cited = { type: 'output_text', text: 'x', annotations: [{ type: 'url_citation' }] };
  const history = [
    { role: 'assistant', phase: 'commentary', content: [cited] },
    { type: 'reasoning', id: 'r', summary: [] },
  ];
  assert.deepEqual(decoded({ model: 'm', input: history }).codes, [
    'unknown-field /input/0',
    'citations /input/0/content/0/annotations',
    'reasoning-dropped /input/1',
  ]);
});

test('what is no request of this dialect is not understood, and nothing throws', () => {
  let deep: unknown = 'x';
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  const odd = [
    null,
    7,
    'x',
    [],
    {},
    { model: 'm' },
    { model: 7, input: 'x' },
    { model: 'm', previous_response_id: 'r' },
  ];
  for (const body of [...odd, { model: 'm', input: deep, tools: deep, text: deep, reasoning: deep, metadata: deep }]) {
    const { request, losses } = decodeRequest(body);
    assert.ok(losses.some(isEssential));
    if (body !== null && typeof body === 'object' && 'tools' in body) assert.ok(request);
    else assert.equal(request, undefined);
  }
  const many = decodeRequest({ model: 'm', input: Array.from({ length: 5000 }, () => ({ type: 'mcp_call' })) });
  assert.ok(many.losses.length <= 64);
});
