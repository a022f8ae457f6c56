// SPDX-License-Identifier: Apache-2.0
// A screen and a session bus of one's own, and a scratch app in a copy of a real Electron: what the tray needs to be tried for real.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildMain } from '../../build/main.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The executable of an Electron, from OUTPOST_ELECTRON. */
const ELECTRON = process.env['OUTPOST_ELECTRON'] ?? '';

function isProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function missing(): string | undefined {
  if (ELECTRON === '') return 'OUTPOST_ELECTRON does not name an Electron';
  if (!existsSync(ELECTRON)) return 'OUTPOST_ELECTRON names a file that is not there';
  if (process.platform !== 'linux') return 'the tray on this system is on the release checklist';
  const programs = ['Xvfb', 'dbus-daemon'].filter((name) => !isProgram(name));
  return programs.length === 0 ? undefined : `missing: ${programs.join(', ')} (Debian: xvfb, dbus)`;
}

/** Why these tests cannot run here; false: they can. */
export const SKIP: string | false = missing() ?? false;

/** The first line that a program prints; it stays running. */
async function firstLine(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
  child.stdout?.resume();
  return text.toString('utf8').split('\n')[0] ?? '';
}

export interface Desktop {
  /** For programs of this desktop: a home, a screen and a bus of its own. */
  readonly env: NodeJS.ProcessEnv;
  /** The executable of the scratch copy, with the built tray in it. */
  readonly executable: string;
  /** Removed with everything in it at the end. */
  readonly folder: string;
  close(): Promise<void>;
}

export async function openDesktop(): Promise<Desktop> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-desktop-'));
  const copy = join(folder, 'electron');
  // Links where the disk allows it: it has 250 MB.
  try {
    execFileSync('cp', ['-al', dirname(ELECTRON), copy], { stdio: 'ignore' });
  } catch {
    cpSync(dirname(ELECTRON), copy, { recursive: true });
  }
  const app = join(copy, 'resources', 'app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app);
  await buildMain({ folder: join(app, 'dist') });
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ name: 'outpost', productName: 'Outpost', version: '0.1.0', main: 'dist/main/main.cjs' }),
  );
  // The daemon runs from the sources, as in a checkout.
  for (const name of ['src', 'build', 'node_modules']) symlinkSync(join(ROOT, name), join(app, name));

  const programs: ChildProcess[] = [];
  const start = (name: string, args: readonly string[]): ChildProcess => {
    const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    programs.push(child);
    return child;
  };
  const screen = await firstLine(
    start('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp', '-noreset']),
  );
  const bus = await firstLine(start('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1']));
  const home = join(folder, 'home');
  for (const name of ['', '.config', '.local/state', '.cache', 'run']) {
    mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
  }
  const { PATH = '', LANG = 'C.UTF-8' } = process.env;
  return {
    folder,
    executable: join(copy, 'electron'),
    env: {
      PATH,
      LANG,
      LANGUAGE: 'en',
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_STATE_HOME: join(home, '.local', 'state'),
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      DISPLAY: `:${screen}`,
      DBUS_SESSION_BUS_ADDRESS: bus,
    },
    async close() {
      for (const child of programs.reverse()) {
        if (child.exitCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
