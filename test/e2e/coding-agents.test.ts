// SPDX-License-Identifier: Apache-2.0
// Claude Code and Codex themselves while their provider is dead. Their licences and size keep them out of the dependencies: they run where
// OUTPOST_AGENTS names a folder in which they were installed (`npm install @anthropic-ai/claude-code @openai/codex`).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Bench, type Json, startBench } from '../integration/failover-chain-kit.ts';

const AGENTS = process.env['OUTPOST_AGENTS'];
const when = {
  timeout: 120_000,
  ...(AGENTS === undefined ? { skip: 'set OUTPOST_AGENTS to a folder with Claude Code and Codex' } : {}),
};
const WITHOUT = { without: ['server-tool', 'custom-tool'] };
const to = (id: string, types: readonly [string, string], target: Json, more: Json = {}) => ({
  types,
  providers: [{}, more],
  route: { model: '*-*', fallbacks: [{ provider: `${id}-1` }, { provider: `${id}-2`, ...target }] },
});
const SETS = {
  openai: to('openai', ['anthropic', 'openai'], { model: 'gpt-4o' }),
  gemini: to('gemini', ['anthropic', 'gemini'], { model: 'gemini-3-pro-preview' }),
  bedrock: to('bedrock', ['anthropic', 'bedrock'], { model: 'global.anthropic.claude-opus-5' }),
  vertex: to('vertex', ['anthropic', 'vertex'], { model: 'claude-opus-5' }, { project: 'p', location: 'eu' }),
  codex: to('codex', ['openai', 'anthropic'], { model: 'claude-sonnet-4-6', ...WITHOUT }),
};
const PROMPT = 'Say hello in one short sentence.';

let home: string;
before(() => {
  home = mkdtempSync(join(tmpdir(), 'outpost-agents-'));
  mkdirSync(join(home, 'work'));
});
after(() => rmSync(home, { recursive: true, force: true }));

/** Runs an agent on a chain whose first target is dead; its answer, and what both targets were asked. */
async function run(id: keyof typeof SETS, command: string, args: readonly string[]) {
  const bench: Bench = await startBench({ [id]: SETS[id] });
  try {
    bench.of(id)[0].misbehave('status=503');
    const base = `http://127.0.0.1:${bench.agent.gatewayPort}/${id}-1`;
    mkdirSync(join(home, '.codex'), { recursive: true });
    writeFileSync(
      join(home, '.codex', 'config.toml'),
      `model = "gpt-5.1-codex"\nmodel_provider = "outpost"\n[model_providers.outpost]\nname = "outpost"\nbase_url = "${base}/v1"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n`,
    );
    const running = promisify(execFile)(join(AGENTS ?? '', 'node_modules', '.bin', command), args, {
      cwd: join(home, 'work'),
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        ANTHROPIC_BASE_URL: base,
        ANTHROPIC_API_KEY: 'sk-ant-canary',
        OPENAI_API_KEY: 'sk-canary',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
      },
    });
    running.child.stdin?.end();
    const { stdout } = await running;
    const asked = (at: 0 | 1) => bench.of(id)[at].requests.filter(({ method }) => method === 'POST');
    return { stdout, dead: asked(0), alive: asked(1) };
  } finally {
    await bench.stop();
  }
}

for (const id of ['openai', 'gemini', 'bedrock', 'vertex'] as const) {
  test(`Claude Code has a conversation with ${id}, a tool's result in it`, when, async () => {
    const { stdout, dead, alive } = await run(id, 'claude', ['-p', PROMPT, '--model', 'claude-sonnet-4-6']);
    // What the simulated model calls, Claude Code may not run: the refusal is the result that goes back.
    assert.match(stdout, /The tool said: .*permission/);
    assert.match(String(dead[0]?.body), /"context_management"/, 'it asks as it is known to');
    assert.equal(alive.length, 2);
    for (const { rawHeaders, body } of alive) assert.doesNotMatch(`${rawHeaders} ${body}`, /sk-ant-canary/);
  });
}

test('Codex is answered by another vendor that is asked without its tools', when, async () => {
  const { stdout, alive } = await run('codex', 'codex', [
    ...['exec', '--skip-git-repo-check', '--sandbox', 'read-only', PROMPT],
  ]);
  assert.match(stdout, /Simulated echo: [\s\S]*Say hello/);
  assert.ok(alive.length > 0);
  for (const { rawHeaders, body } of alive) assert.doesNotMatch(`${rawHeaders} ${body}`, /sk-canary|"web_search"/);
});
