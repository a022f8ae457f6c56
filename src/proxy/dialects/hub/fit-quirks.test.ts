// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Quirks } from './codec.ts';
import { fitQuirks } from './fit-quirks.ts';

function fit(text: string, quirks: Quirks): { readonly body: string; readonly losses: readonly string[] } {
  const { body, losses } = fitQuirks(Buffer.from(text), quirks, 'm');
  return { body: body.toString(), losses: losses.map(({ code, at }) => `${code} ${at}`) };
}

test('a body without anything that the host refuses is the same buffer', () => {
  const body = Buffer.from('{ "model":"m", "messages":[] }');
  const strict: Quirks = { maxTokensKey: 'max_tokens', refuses: ['store'], renames: { seed: 'random_seed' } };
  assert.equal(fitQuirks(body, strict, 'm').body, body);
  assert.equal(fitQuirks(Buffer.from('no'), strict, 'm').body.toString(), 'no');
});

test('refused members go, with their loss if they asked for something', () => {
  const quirks: Quirks = { refuses: ['store', 'logprobs', 'user', 'x_own', 'service_tier'], noParallelTools: true };
  assert.deepEqual(
    fit(
      '{"store":true,"logprobs":true,"a":1,"user":"u","x_own":1,"service_tier":"flex","parallel_tool_calls":false}',
      quirks,
    ),
    {
      body: '{"a":1}',
      losses: [
        'store /store',
        'logprobs /logprobs',
        'user /user',
        'unknown-field ',
        'service-tier /service_tier',
        'parallel-tools /parallel_tool_calls',
      ],
    },
  );
  assert.deepEqual(
    fit('{"store":false,"logprobs":null,"a":1,"user":"","service_tier":"auto","parallel_tool_calls":true}', quirks),
    { body: '{"a":1}', losses: [] },
  );
});

test('the output limit and other members get the host’s name', () => {
  const quirks: Quirks = { maxTokensKey: 'max_tokens', renames: { seed: 'random_seed' } };
  assert.equal(fit('{"max_completion_tokens": 5,"seed":1}', quirks).body, '{"max_tokens": 5,"random_seed":1}');
  assert.equal(fit('{"max_completion_tokens":5,"max_tokens":6}', quirks).body, '{"max_tokens":6}');
  assert.equal(fit('{"max_tokens":5}', { maxTokensKey: 'max_completion_tokens' }).body, '{"max_completion_tokens":5}');
});

test('a schema is an essential loss where the host knows none', () => {
  const text = '{"response_format":{"type":"json_schema","json_schema":{}}}';
  assert.deepEqual(fit(text, { jsonSchema: 'json-object' }).losses, ['no-json-schema /response_format']);
  assert.deepEqual(fit(text, {}).losses, []);
  const anthropic = '{"output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}}}';
  assert.deepEqual(fit(anthropic, { jsonSchema: 'none' }).losses, ['no-json-schema /output_config/format']);
  assert.deepEqual(fit('{"output_config":{"effort":"low"}}', { jsonSchema: 'none' }).losses, []);
  assert.deepEqual(fit('{"response_format":{"type":"json_object"}}', { jsonSchema: 'json-object' }).losses, []);
});

test('“some tool must be called” is said in the host’s word', () => {
  const quirks: Quirks = { toolChoiceRequired: 'any' };
  assert.equal(fit('{"tool_choice":"required"}', quirks).body, '{"tool_choice":"any"}');
  assert.equal(fit('{"tool_choice":"auto"}', quirks).body, '{"tool_choice":"auto"}');
});

test('members within the conversation go together with those at the top', () => {
  const quirks: Quirks = { refuses: ['cache_control', 'speed'], cacheMembers: { scope: Infinity } };
  const text = (top: string, mark: string) =>
    `{${top}"model":"m", "system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"${mark}}}]}`;
  assert.deepEqual(fit(text('"cache_control":{"type":"ephemeral"},"speed":"fast",', ',"scope":"global"'), quirks), {
    body: text('', ''),
    losses: ['cache-control /cache_control', 'service-tier /speed', 'cache-control /system'],
  });
});
