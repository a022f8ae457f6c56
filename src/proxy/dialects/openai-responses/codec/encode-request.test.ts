// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import { QUESTION, TARGET } from '../../../../../test/fakes/hub-target.ts';
import { AGENT_TURN, CLOSED, SCHEMA } from '../../../../../test/fakes/responses-turn.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Message } from '../../hub/hub.ts';
import { decodeRequest } from './decode-request.ts';
import { encodeRequest } from './encode-request.ts';

function encoded(request: Partial<HubRequest>, target: Partial<EncodeTarget> = {}) {
  const { body, losses, toolNames } = encodeRequest({ ...QUESTION, ...request }, { ...TARGET, ...target });
  return { body, codes: losses.map(({ code }) => code), toolNames };
}

test('what was read is written as the same conversation', () => {
  const { request } = decodeRequest(AGENT_TURN);
  assert.ok(request);
  const { body, losses } = encodeRequest(request, { ...TARGET, mayUseOpaque: true });
  assert.deepEqual(losses, []);
  const again = decodeRequest({ ...body, model: 'gpt-5', include: null });
  assert.deepEqual(again.losses, []);
  assert.deepEqual(again.request?.messages.slice(1, 2), request.messages.slice(2, 3));
  assert.deepEqual(again.request?.tools, request.tools);
  assert.equal(
    JSON.stringify(body),
    JSON.stringify({
      model: 'gpt-x',
      instructions: 'Be brief.\n\nMind the style.',
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look' },
            { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'high' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' },
            { type: 'input_file', file_url: 'https://example.org/b.pdf' },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gAAA' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'function_call', call_id: 'call_A', name: 'read', arguments: '{"z": "1"}' },
        { type: 'function_call', call_id: 'call_B', name: 'shot', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_A', output: 'text' },
        {
          type: 'function_call_output',
          call_id: 'call_B',
          output: [
            { type: 'input_text', text: 'seen' },
            { type: 'input_image', image_url: 'https://example.org/i.png', detail: 'auto' },
          ],
        },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Go on' }] },
      ],
      tools: [{ type: 'function', name: 'read', description: 'reads', parameters: CLOSED, strict: true }],
      tool_choice: { type: 'function', name: 'read' },
      parallel_tool_calls: false,
      text: { format: { type: 'json_schema', name: 'out', schema: CLOSED, strict: true }, verbosity: 'low' },
      reasoning: { effort: 'high', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      max_output_tokens: 900,
      temperature: 0.5,
      top_p: 0.9,
      prompt_cache_key: 'k1',
      safety_identifier: 'u1',
      store: false,
      stream: true,
    }),
  );
});

test('what Responses has no member for is a loss, and limits are kept', () => {
  const rows: readonly (readonly [Partial<HubRequest>, readonly string[]])[] = [
    [
      { topK: 5, stop: ['x'], seed: 1, presencePenalty: 1, frequencyPenalty: 1 },
      ['top-k', 'stop-sequences', 'seed', 'penalties', 'penalties'],
    ],
    [{ cacheKey: 'k'.repeat(65), user: 'u'.repeat(65) }, ['cache-key', 'user']],
    [{ temperature: 3 }, ['temperature']],
    [{ reasoning: { effort: undefined, budgetTokens: 9000, visible: true } }, ['reasoning-effort']],
    [{ reasoning: { effort: 'none', budgetTokens: undefined, visible: undefined } }, ['reasoning-effort']],
    [{ maxOutputTokens: 4 }, ['max-tokens-raised']],
    [
      { messages: [{ role: 'user', name: 'Bo', parts: [{ kind: 'text', text: 'x', cache: { ttl: '5m' } }] }] },
      ['participant-name', 'cache-control'],
    ],
    [{ tools: [{ name: 'a', description: undefined, parameters: SCHEMA, strict: true }] }, ['tool-strict']],
    [{ output: { kind: 'json-schema', name: 'a b', schema: SCHEMA, strict: true } }, ['schema-simplified']],
    [{ messages: [...QUESTION.messages, { role: 'assistant', parts: [{ kind: 'text', text: 'x' }] }] }, ['prefill']],
    [{ messages: [] }, ['not-understood']],
  ];
  for (const [request, expected] of rows) assert.deepEqual(encoded(request).codes, expected);
  assert.equal(encoded({ maxOutputTokens: 4 }).body['max_output_tokens'], 16);
  assert.equal(encoded({ temperature: 3 }).body['temperature'], 2);
  assert.deepEqual(encoded({ reasoning: { effort: undefined, budgetTokens: 9000, visible: true } }).body['reasoning'], {
    effort: 'medium',
    summary: 'auto',
  });
});

test('what the model or host is known to refuse is a loss', () => {
  const tools = [{ name: 'a', description: undefined, parameters: undefined, strict: undefined }];
  const image = { kind: 'image', source: { kind: 'url', url: 'https://e.org/i', mediaType: undefined } } as const;
  const file = { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } } as const;
  const facts = {
    ...NO_FACTS,
    images: false,
    documents: false,
    tools: false,
    reasoning: false,
    jsonSchema: false,
    temperature: false,
    outputTokens: 100,
  };
  const asked: Partial<HubRequest> = {
    tools,
    messages: [{ role: 'user', parts: [image, file] }],
    reasoning: { effort: 'low', budgetTokens: undefined, visible: undefined },
    output: { kind: 'json-schema', name: 'x', schema: CLOSED, strict: true },
    temperature: 1,
    topP: 1,
    maxOutputTokens: 200,
  };
  const { codes, body } = encoded(asked, { facts });
  assert.deepEqual([...codes].sort(), [
    'max-tokens-lowered',
    'no-documents',
    'no-images',
    'no-json-schema',
    'no-tools',
    'reasoning-unsupported',
    'temperature',
    'top-p',
  ]);
  assert.deepEqual([body['include'], body['temperature'], body['max_output_tokens']], [undefined, undefined, 100]);
  const host = {
    refuses: ['store', 'prompt_cache_key', 'include'],
    renames: { max_output_tokens: 'max_tokens' },
    noStrictTools: true,
    noParallelTools: true,
  } as const;
  const at = encoded(
    { tools, cacheKey: 'k', maxOutputTokens: 50, parallelTools: false, toolChoice: { kind: 'required' } },
    { quirks: { ...host, toolChoiceRequired: 'any' }, facts: { ...NO_FACTS, reasoning: true } },
  );
  assert.deepEqual(at.codes, ['parallel-tools', 'include', 'cache-key']);
  assert.deepEqual(at.body['tools'], [
    {
      type: 'function',
      name: 'a',
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    },
  ]);
  assert.deepEqual([at.body['max_tokens'], 'store' in at.body, at.body['tool_choice']], [50, false, 'any']);
});

test('calls and results that do not pair are refused before OpenAI does', () => {
  const call = { kind: 'tool-call', id: 'a', name: 'f', args: '' } as const;
  const result = { kind: 'tool-result', id: 'a', name: 'f', parts: [], isError: true } as const;
  const user = (parts: Message['parts']): Message => ({ role: 'user', parts });
  const assistant = (parts: Message['parts']): Message => ({ role: 'assistant', parts });
  assert.deepEqual(encoded({ messages: [user([result])] }).codes, ['tool-pairing', 'tool-error-flag']);
  assert.deepEqual(encoded({ messages: [assistant([call]), user([{ kind: 'text', text: 'x' }])] }).codes, [
    'tool-pairing',
  ]);
  const { codes, body } = encoded({
    messages: [assistant([{ ...call, id: 'a'.repeat(90) }]), user([{ ...result, id: 'a'.repeat(90), isError: false }])],
  });
  assert.deepEqual(codes, []);
  const [sent, answered] = body['input'] as readonly { readonly call_id: string }[];
  assert.equal(sent?.call_id.length, 64);
  assert.equal(sent?.call_id, answered?.call_id);
});

test('encrypted reasoning goes back only to its maker, and only before an item', () => {
  const opaque = { dialect: 'openai-responses', form: 'encrypted', data: 'gAAA', id: 'rs_1' } as const;
  const thought = { kind: 'reasoning', text: '', opaque } as const;
  const said = { kind: 'text', text: 'so' } as const;
  const messages: readonly Message[] = [
    ...QUESTION.messages,
    { role: 'assistant', parts: [thought, said] },
    ...QUESTION.messages,
  ];
  const item = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' };
  const items = (target: Partial<EncodeTarget>, list: readonly Message[] = messages) => {
    const { body, codes } = encoded({ messages: list }, target);
    return { types: (body['input'] as readonly { readonly type: string }[]).map(({ type }) => type), codes, body };
  };
  const own = items({ mayUseOpaque: true });
  assert.deepEqual([own.types, own.codes], [['message', 'reasoning', 'message', 'message'], []]);
  assert.deepEqual((own.body['input'] as readonly unknown[])[1], item);
  const other = items({});
  assert.deepEqual([other.types, other.codes], [['message', 'message', 'message'], ['reasoning-dropped']]);
  const alone = items({ mayUseOpaque: true }, [
    ...QUESTION.messages,
    { role: 'assistant', parts: [said, thought] },
    ...QUESTION.messages,
  ]);
  assert.deepEqual([alone.types, alone.codes], [['message', 'message', 'message'], ['reasoning-dropped']]);
  const call = { kind: 'tool-call', id: 'a', name: 'f', args: '', opaque } as const;
  const result = { kind: 'tool-result', id: 'a', name: 'f', parts: [], isError: false } as const;
  const onCall = items({ mayUseOpaque: true }, [
    { role: 'assistant', parts: [call] },
    { role: 'user', parts: [result] },
  ]);
  assert.deepEqual([onCall.types, onCall.codes], [['reasoning', 'function_call', 'function_call_output'], []]);
  const foreign = { ...call, opaque: { dialect: 'gemini', form: 'signature', data: 's' } } as const;
  const strange = items({ mayUseOpaque: true }, [
    { role: 'assistant', parts: [foreign] },
    { role: 'user', parts: [result] },
  ]);
  assert.deepEqual(strange.codes, ['reasoning-dropped']);
});

test('names that OpenAI refuses are changed, with the way back', () => {
  const tools = [{ name: 'fs.read/all', description: undefined, parameters: undefined, strict: undefined }];
  const { body, codes, toolNames } = encoded({ tools, toolChoice: { kind: 'tool', name: 'fs.read/all' } });
  assert.deepEqual(codes, ['tool-name']);
  assert.deepEqual(body['tool_choice'], { type: 'function', name: 'fs_read_all' });
  assert.deepEqual([...toolNames], [['fs_read_all', 'fs.read/all']]);
});

test('a system message in the middle stays there; one that stands alone is the input', () => {
  const system: Message = { role: 'system', parts: [{ kind: 'text', text: 'rule' }] };
  const rule = { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'rule' }] };
  assert.deepEqual(
    (encoded({ messages: [...QUESTION.messages, system] }).body['input'] as readonly unknown[])[1],
    rule,
  );
  const { body, codes } = encoded({ messages: [system] }, { quirks: { systemRole: 'developer' } });
  assert.deepEqual([body['input'], body['instructions'], codes], [[{ ...rule, role: 'developer' }], undefined, []]);
});
