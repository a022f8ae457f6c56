// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { configSchema } from '../src/contract/config.ts';
import { realConfig, simulatedConfig, startSimulation } from './support/simulation.ts';

const DEMO = fileURLToPath(new URL('./demo.ts', import.meta.url));
const OUTPOST = fileURLToPath(new URL('../src/proxy/outpost.mjs', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-demo-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when the output has the text; rejects when the process ends without it. */
  readonly says: (text: string) => Promise<void>;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { ...process.env, OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', ...env, TMPDIR: folder },
  });
  let output = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!output.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without saying "${text}":\n${output}`)));
    });
  return { child, output: () => output, says, ended };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('--once shows an allowed, an intercepted, a failed-over and a refused call with their rows, and leaves nothing behind', async () => {
  const run = start(['--once']);
  assert.equal(await run.ended, 0, run.output());
  const text = run.output();
  assert.match(text, /simulated OpenAI|OpenAI at http:\/\/127\.0\.0\.1:\d+/);
  assert.match(text, /1 {2}openai SDK[\s\S]*Simulated echo: Say hello[\s\S]*allowed by \S+, sent to openai-simulated/);
  assert.match(
    text,
    /2 {2}@anthropic-ai\/sdk[\s\S]*\(8 pieces\)[\s\S]*sent to anthropic-simulated[\s\S]*complete, \d+ tokens in, \d+ out; row \d+/,
  );
  assert.match(
    text,
    /3 {2}openai SDK[\s\S]*Simulated echo: Say hello[\s\S]*by +anthropic-simulated \(claude-sonnet-4-6\) instead of openai-simulated, attempt 2[\s\S]*openai-simulated: bad-answer; row \d+[\s\S]*sent to anthropic-simulated; row \d+/,
  );
  assert.match(
    text,
    /4 {2}openai SDK[\s\S]*400 [\s\S]*refused by models\.deny\[0\] \(OUT_BLOCKED_MODEL\)[\s\S]*row \d+ in audit-/,
  );
  assert.doesNotMatch(text, /status page|admin page/, 'it would be gone before anybody opens it');
  assert.deepEqual(readdirSync(folder), []);
});

test('--data-dir keeps organisation, device and log there, also in a folder that was made before, and goes on with them', async () => {
  const kept = join(folder, 'kept');
  mkdirSync(kept);
  chmodSync(kept, 0o755);
  const devices: (string | undefined)[] = [];
  for (const version of [1, 2]) {
    const run = start(['--once', '--data-dir', kept]);
    assert.equal(await run.ended, 0, run.output());
    devices.push(/enrolled as (\S+), goes by policy version (\d)\n/.exec(run.output())?.slice(1).join(' '));
    assert.match(devices.at(-1) ?? '', new RegExp(`^d-\\w+ ${version}$`));
  }
  assert.equal(devices[0]?.split(' ')[0], devices[1]?.split(' ')[0]);
  const agent = ['audit', 'export', '--data-dir', join(kept, 'agent')];
  const log = execFileSync(process.execPath, [OUTPOST, ...agent], { encoding: 'utf8' });
  assert.equal(log.match(/"event":"started"/g)?.length, 2);
  assert.deepEqual(readdirSync(folder), ['kept']);
});

test('a folder with other people’s files is refused and said in one sentence, without a stack', async () => {
  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'letter.txt'), '');
  chmodSync(foreign, 0o755);
  const run = start(['--once', '--data-dir', foreign]);
  assert.equal(await run.ended, 1);
  assert.match(run.output(), / holds letter\.txt; name an empty folder with --data-dir\s*$/);
  assert.deepEqual(readdirSync(foreign), ['letter.txt']);
});

test('Ctrl-C ends it cleanly, with all that it started and the temporary folder gone', async (t) => {
  const run = start([]);
  await run.says('Ctrl-C ends it.');
  assert.match(run.output(), /status page +http:\/\/127\.0\.0\.1:\d+\/login\//);
  const pid = Number(/pid (\d+)/.exec(run.output())?.[1]);
  assert.ok(alive(pid), 'the daemon should be running');
  assert.match(run.output(), /admin page +http:\/\/127\.0\.0\.1:\d+\/admin\/\n +sign in as admin, password \S+/);
  const asked = performance.now();
  run.child.kill('SIGINT');
  run.child.kill('SIGINT'); // npm and the terminal both deliver it
  assert.equal(await run.ended, 0);
  t.diagnostic(`${(performance.now() - asked).toFixed(0)} ms, of the 2 s that it may take`);
  assert.equal(alive(pid), false);
  assert.deepEqual(readdirSync(folder), []);
});

test('Ctrl-C while all is being prepared ends it at once and leaves nothing behind', async () => {
  const run = start([]);
  await run.says('simulated ');
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130);
  assert.deepEqual(readdirSync(folder), []);
});

test('--real without a key says what is missing', async () => {
  const run = start(['--real']);
  assert.equal(await run.ended, 1);
  assert.match(run.output(), /OPENAI_API_KEY or ANTHROPIC_API_KEY/);
});

test('the configurations of the demonstration are valid, and real keys stay out of them', async () => {
  const simulation = await startSimulation();
  try {
    const texts = [
      simulatedConfig(simulation),
      realConfig({ openai: true, anthropic: true }),
      realConfig({ openai: false, anthropic: true }),
    ];
    for (const text of texts) configSchema.parse(parse(text));
    assert.match(texts[1] ?? '', /api_key: \$\{OPENAI_API_KEY\}[\s\S]*api_key: \$\{ANTHROPIC_API_KEY\}/);
    assert.doesNotMatch(texts[2] ?? '', /openai/i);
  } finally {
    await simulation.close();
  }
});
