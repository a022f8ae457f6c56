// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Quirks } from './codec.ts';
import { fitBlocks } from './fit-blocks.ts';
import { LossList } from './losses.ts';

const QUIRKS: Quirks = {
  noUrls: true,
  toolMembers: { eager: 4.06, examples: Infinity },
  cacheMembers: { ttl: 4.05, scope: Infinity },
};
const NEW = 'us.anthropic.claude-opus-5';
const OLD = 'anthropic.claude-sonnet-4-20250514-v1:0';

function fit(text: string, model: string, quirks = QUIRKS): { readonly body: string; readonly losses: string[] } {
  const losses = new LossList();
  const body = fitBlocks(Buffer.from(text), quirks, model, losses).toString();
  return { body, losses: losses.found.map(({ code, at }) => `${code} ${at}`) };
}

/** A mark at each place where one may stand. */
const marked = (mark: string): string =>
  `{ "tools":[{"cache_control":${mark},"name":"f"}, {"name":"g"}],"system":[{"type":"text","text":"é","cache_control" : ${mark}}],` +
  `"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"\\u00e9","cache_control":${mark}}],"cache_control":${mark}},` +
  `{"type":"document","source":{"type":"content","content":[{"type":"text","text":"t","cache_control":${mark}}]}}]},{"role":"user","content":"cache_control"}],"x":1e1 }`;
const PLACES = ['/tools/0', '/system', '/messages/0'];

test('cache times stay for models that take them and go for others, and not a byte else changes', () => {
  const long = marked('{"type":"ephemeral" , "ttl":"1h"}');
  assert.deepEqual(fit(long, NEW), { body: long, losses: [] });
  assert.deepEqual(fit(long, OLD), {
    body: marked('{"type":"ephemeral"}'),
    losses: PLACES.map((at) => `cache-control ${at}`),
  });
  // Five minutes is what a mark without a time means.
  assert.deepEqual(fit(marked('{"ttl":"5m","type":"ephemeral"}'), OLD), {
    body: marked('{"type":"ephemeral"}'),
    losses: [],
  });
});

test('what no model takes goes whatever the model is, duplicates too', () => {
  const out = fit(marked('{"scope":"global","type":"ephemeral","scope":"x","ttl":"1h"}'), NEW);
  assert.equal(out.body, marked('{"type":"ephemeral","ttl":"1h"}'));
  assert.deepEqual(
    out.losses,
    PLACES.map((at) => `cache-control ${at}`),
  );
});

test('members of tools go with their mark’s members, and only what asked for something is a loss', () => {
  const text = (more: string) =>
    `{"tools":[{"name":"f",${more}"cache_control":{"type":"ephemeral","scope":"x"}}, {"eager":true}]}`;
  const { body, losses } = fit(text('"examples":[{"a":1}],"eager":false,'), OLD);
  assert.equal(body, '{"tools":[{"name":"f","cache_control":{"type":"ephemeral"}}, {}]}');
  assert.deepEqual(losses, [
    'unknown-field /tools/0/examples',
    'cache-control /tools/0',
    'unknown-field /tools/1/eager',
  ]);
  assert.equal(fit('{"tools":[{"eager":true}]}', NEW).body, '{"tools":[{"eager":true}]}');
});

test('the stream of a tool’s arguments is a wish about the stream', () => {
  const { losses } = fit('{"tools":[{"eager_input_streaming":true}]}', OLD, {
    toolMembers: { eager_input_streaming: 4.06 },
  });
  assert.deepEqual(losses, ['stream-options /tools/0/eager_input_streaming']);
});

test('what would have to be fetched is an essential loss, in results of tools too', () => {
  const url = '{"type":"url","url":"https://x.example/a"}';
  const text = `{"messages":[{"role":"user","content":"url"},{"role":"user","content":[{"type":"image","source":${url}},{"type":"tool_result","content":[{"type":"document","source":${url}}]}]}]}`;
  assert.deepEqual(fit(text, NEW), { body: text, losses: ['image-url /messages/1', 'document-url /messages/1'] });
  assert.deepEqual(fit(text, NEW, {}).losses, []);
});

test('tools that load on demand become usual ones where they were loaded, and go where not', () => {
  const text = (tools: string, found: string): string =>
    `{"tools":[${tools}] ,"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"called"}]},` +
    `{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"é"}, ${found}]}]}]}`;
  const asked = text(
    '{"name":"search"}, {"name":"hidden","defer_loading":true},{"name":"found","defer_loading":true,"strict":true}, {"defer_loading":true,"name":"called"},{"name":"kept","defer_loading":false},{"name":"other","defer_loading":true}',
    '{"tool_name":"found","type":"tool_reference"}',
  );
  const { body, losses } = fit(asked, NEW, { loadsNoTools: true });
  assert.equal(
    body,
    text(
      '{"name":"search"},{"name":"found","strict":true}, {"name":"called"},{"name":"kept"}',
      '{"type":"text","text":"The tool found is available now."}',
    ),
  );
  assert.deepEqual(losses, [
    'deferred-tools /tools/1',
    'deferred-tools /tools/2/defer_loading',
    'deferred-tools /tools/3/defer_loading',
    'deferred-tools /tools/5',
    'deferred-tools /messages/1',
  ]);
  assert.equal(fit(asked, NEW, {}).body, asked);
  assert.equal(fit('{"tools":[{"name":"a","defer_loading":true}]}', NEW, { loadsNoTools: true }).body, '{"tools":[]}');
});

test('a tool that the choice names is loaded', () => {
  const tools = (more: string) => `{"tool_choice":{"type":"tool","name":"f"},"tools":[{"name":"f"${more}}]}`;
  assert.equal(fit(tools(',"defer_loading":true'), NEW, { loadsNoTools: true }).body, tools(''));
});

test('members of the output’s configuration go where the model does not take them', () => {
  const config = (inside: string) => `{"output_config":{${inside}},"x":1}`;
  const asked = config('"effort":"low","format":{"type":"json_schema"},"task_budget":{"total":1}');
  const members = { configMembers: { effort: 4.06, task_budget: Infinity } };
  const { body, losses } = fit(asked, OLD, members);
  assert.equal(body, config('"format":{"type":"json_schema"}'));
  assert.deepEqual(losses, ['reasoning-effort /output_config/effort', 'unknown-field /output_config/task_budget']);
  assert.equal(fit(asked, NEW, members).body, config('"effort":"low","format":{"type":"json_schema"}'));
});

test('a body without any of it, or of an odd shape, is the same buffer', () => {
  for (const odd of [
    '',
    'no',
    '[]',
    '{"tools":{},"system":"s","messages":[1,null,{"content":[1,[],{"cache_control":"x","source":1}]}]}',
    marked('{"type":"ephemeral"}'),
  ]) {
    const body = Buffer.from(odd);
    assert.equal(fitBlocks(body, QUIRKS, OLD, new LossList()), body);
  }
});
