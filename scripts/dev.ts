// SPDX-License-Identifier: Apache-2.0
// `npm run dev`: simulated providers in this process, the daemon under `node --watch`, the pages rebuilt when they change.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { simulatedConfig, startSimulation } from './support/simulation.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPOST = join(ROOT, '.outpost');
/** The daemon makes it: it refuses an open folder that has anything but its own files. */
const STATE = join(OUTPOST, 'dev');
const PAGE = join(ROOT, 'build', 'page.mjs');
/** Editors write a file in several steps. Milliseconds. */
const SETTLE = 150;

function say(line: string): void {
  process.stdout.write(`[dev] ${line}\n`);
}

async function watchPage(signal: AbortSignal): Promise<void> {
  if (!existsSync(PAGE)) return;
  let building = false;
  let again = false;
  const build = async () => {
    again = true;
    if (building) return;
    building = true;
    while (again) {
      await pause(SETTLE);
      again = false;
      const code = await new Promise((done) =>
        spawn(process.execPath, [PAGE], { cwd: ROOT, stdio: 'inherit' }).on('close', done),
      );
      say(code === 0 ? 'pages rebuilt; reload the browser' : 'the pages do not build');
    }
    building = false;
  };
  for (const folder of ['renderer', 'contract', 'client', 'strings']) {
    watch(join(ROOT, 'src', folder), { recursive: true, signal }, () => void build());
  }
}

const simulation = await startSimulation();
mkdirSync(OUTPOST, { recursive: true });
const config = join(OUTPOST, 'dev.yaml');
writeFileSync(config, simulatedConfig(simulation), { mode: 0o600 });
say(`simulated OpenAI ${simulation.openai.origin}, simulated Anthropic ${simulation.anthropic.origin}`);
say(`configuration ${config}; change it while the daemon runs`);
say(`status page: npm run --silent outpost -- ui --data-dir ${relative(ROOT, STATE)}`);

const options = ['run', '--config', config, '--data-dir', STATE, '--ready-file', join(STATE, 'ready.json')];
const daemon = spawn(
  process.execPath,
  [
    '--watch',
    '--watch-preserve-output',
    join(ROOT, 'src', 'proxy', 'outpost.mjs'),
    ...options,
    ...process.argv.slice(2),
  ],
  { cwd: ROOT, stdio: 'inherit', detached: true },
);
process.once('exit', () => daemon.kill('SIGKILL'));
const watching = new AbortController();
await watchPage(watching.signal);

let stopping = false;
const stop = async () => {
  if (stopping) return;
  stopping = true;
  watching.abort();
  daemon.kill('SIGTERM');
  await Promise.race([new Promise((done) => daemon.once('close', done)), pause(2_000)]);
  await simulation.close();
  process.exit(0);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop());
daemon.once('close', () => void stop());
