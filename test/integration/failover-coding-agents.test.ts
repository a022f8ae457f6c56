// SPDX-License-Identifier: Apache-2.0
// The requests that coding agents really send, which ask for more than a chat: Claude Code's clears thinking from its context, loads tools
// on demand and marks its cache; Codex' has web search and tools of free text. Each must still find its way to another provider.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bench, type Json, startBench, wordsOf } from './failover-chain-kit.ts';

const PLACE = { project: 'p', location: 'eu' };
const CLAUDE = { bedrock: 'global.anthropic.claude-opus-5', vertex: 'claude-opus-5' } as const;

let bench: Bench;
before(async () => {
  const to = (type: string, model?: string, more: Json = {}) => ({
    types: ['anthropic', type],
    providers: [{}, more],
    route: {
      fallbacks: [{ provider: `${type}-1` }, { provider: `${type}-2`, ...(model === undefined ? {} : { model }) }],
    },
  });
  bench = await startBench(
    {
      openai: to('openai'),
      gemini: to('gemini'),
      bedrock: to('bedrock', CLAUDE.bedrock),
      vertex: to('vertex', CLAUDE.vertex, PLACE),
      'anthropic-compatible': to('anthropic-compatible'),
      codex: {
        types: ['openai', 'anthropic', 'anthropic', 'groq'],
        route: {
          fallbacks: [
            { provider: 'codex-1' },
            { provider: 'codex-2' },
            { provider: 'codex-3', without: ['server-tool'] },
            { provider: 'codex-4', without: ['server-tool', 'custom-tool'] },
          ],
        },
      },
      'codex-translated': {
        types: ['openai', 'anthropic'],
        route: {
          fallbacks: [
            { provider: 'codex-translated-1' },
            { provider: 'codex-translated-2', without: ['server-tool', 'custom-tool'] },
          ],
        },
      },
    },
    { routing: { affinity: { enabled: false } } },
  );
  for (const id of ['openai', 'gemini', 'bedrock', 'vertex', 'anthropic-compatible', 'codex', 'codex-translated']) {
    bench.of(id)[0].misbehave('status=529');
  }
});
after(() => bench?.stop());

const schema = { type: 'object', properties: { path: { type: 'string' } }, additionalProperties: false };
const tool = (name: string, more: Json = {}): Json => ({ name, description: name, input_schema: schema, ...more });
const DEFERRED = { defer_loading: true };

/** The shape of a turn of Claude Code with many tools, as its users have posted it. */
const CLAUDE_CODE: Json = {
  max_tokens: 32_000,
  metadata: { user_id: 'user_0_account__session_0' },
  system: [{ type: 'text', text: 'You are a coding agent.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
  thinking: { type: 'adaptive' },
  output_config: { effort: 'high' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  tools: [
    tool('Bash', { eager_input_streaming: true }),
    tool('ToolSearch'),
    tool('mcp__tickets__read', DEFERRED),
    tool('mcp__tickets__write', DEFERRED),
  ],
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'What does ticket 7 say?' }] },
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'ToolSearch', input: { path: 'tickets' } }],
    },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'toolu_1',
          content: [{ type: 'tool_reference', tool_name: 'mcp__tickets__read' }],
          cache_control: { type: 'ephemeral', ttl: '1h' },
        },
      ],
    },
  ],
};
const BETAS =
  'claude-code-20250219,oauth-2025-04-20,interleaved-thinking-2025-05-14,context-management-2025-06-27,prompt-caching-scope-2026-01-05,advanced-tool-use-2025-11-20';
const DECLARED = ['Bash', 'ToolSearch', 'mcp__tickets__read'];

/** Names of the tools that a provider was told of, in whichever protocol. */
function declared(body: Json): readonly unknown[] {
  const list = (body['tools'] ?? []) as readonly Json[];
  return list.flatMap((each) => {
    const { functionDeclarations } = each as { functionDeclarations?: readonly Json[] };
    if (functionDeclarations !== undefined) return functionDeclarations.map(({ name }) => name);
    return [(each['function'] as Json | undefined)?.['name'] ?? each['name']];
  });
}

for (const id of ['openai', 'gemini', 'bedrock', 'vertex', 'anthropic-compatible']) {
  test(`a turn of Claude Code goes on at ${id}`, async () => {
    const answer = await bench.ask(id, {
      dialect: 'messages',
      stream: true,
      more: CLAUDE_CODE,
      headers: { 'anthropic-beta': BETAS },
    });
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(answer.headers['x-outpost-provider'], `${id}-2`);
    assert.match(wordsOf(answer), /The tool said: .*mcp__tickets__read is available now/);
    assert.match(String(answer.headers['x-outpost-loss']), /context-edits/);
    assert.match(String(answer.headers['x-outpost-loss']), /deferred-tools/);
    const request = bench.of(id)[1].requests.at(-1);
    const body = request?.json() as Json;
    assert.deepEqual(declared(body), DECLARED);
    const text = String(request?.body);
    for (const own of ['context_management', 'defer_loading', 'tool_reference']) {
      assert.ok(!text.includes(`"${own}"`), own);
    }
  });
}

/** The shape of a turn of Codex: web search and `apply_patch` are declared in each. */
const CODEX: Json = {
  instructions: 'You are a coding agent.',
  store: false,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'session',
  parallel_tool_calls: true,
  tools: [
    { type: 'function', name: 'exec_command', parameters: schema, strict: false },
    { type: 'custom', name: 'apply_patch', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } },
    { type: 'web_search', external_web_access: false },
  ],
  input: [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Mend it.' }] },
    { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: '*** Begin Patch' },
    { type: 'custom_tool_call_output', call_id: 'c1', output: 'patched' },
    { type: 'function_call', call_id: 'c2', name: 'exec_command', arguments: '{"path":"test"}' },
    { type: 'function_call_output', call_id: 'c2', output: 'passed' },
  ],
};

for (const stream of [false, true]) {
  test(`a turn of Codex goes on where a target is asked without its own tools, ${stream ? 'streamed' : 'whole'}`, async () => {
    for (const [id, place] of [
      ['codex', 4],
      ['codex-translated', 2],
    ] as const) {
      const answer = await bench.ask(id, { dialect: 'responses', stream, more: CODEX });
      assert.equal(answer.status, 200, String(answer.body));
      assert.equal(answer.headers['x-outpost-provider'], `${id}-${place}`);
      assert.match(wordsOf(answer), /The tool said: passed/);
      assert.match(String(answer.headers['x-outpost-loss']), /^(?:server-tool,custom-tool|custom-tool,server-tool)/);
      assert.deepEqual(declared(bench.of(id)[place - 1]?.requests.at(-1)?.json() as Json), ['exec_command']);
    }
    assert.deepEqual(bench.counts('codex').slice(1, 3), [0, 0]);
  });
}
