// SPDX-License-Identifier: Apache-2.0
// `outpost support`: the support bundle as a file, with or without a running daemon. What is in it is the support room's.

import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RUN_FILE } from '../../contract/data-files.ts';
import { systemClock } from '../clock.ts';
import { bundleName, MOST_RUN_FILE, makeBundle } from '../support/bundle.ts';
import { machineFacts, personHere } from '../support/facts.ts';
import { readSmall } from '../support/read-file.ts';
import { VERSION } from '../version.ts';
import { runChecksHere, stateOf } from './checks-here.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { findRunning } from './running.ts';

const MOST_ROWS = 1_000;

export const support: Command = {
  help: `outpost support [--output FILE] [--force] [--rows N] [--data-dir DIR]

Writes a file that you can send to those who help you: what the checks found, the state of the daemon, versions, the shape of the
rules, sizes of files. No prompt or answer, no key, token or password, no call, no name of yours. Works with the daemon down.

  --output FILE       where to (default: outpost-support-DATE-TIME.zip in this folder)
  --force             replace the file if it is there
  --rows N            also the newest N rows of the audit log, at most ${MOST_ROWS}: metadata of calls
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, {
      output: { type: 'string' },
      force: { type: 'boolean' },
      rows: { type: 'string' },
      ...DATA_DIR_OPTION,
    });
    const rows = rowsOf(values.rows);
    const { dataDir: standard, configPath } = pathsFor(io);
    const dataDir = resolve(values['data-dir'] ?? standard);
    const at = systemClock.now();
    const output = resolve(values.output ?? bundleName(at));
    const force = values.force === true;
    // Before the work; what appears meanwhile is found when it is written.
    if (!force && existsSync(output)) throw isThere(output);
    const say = (text: string): void => void io.stderr.write(`${text}\n`);

    // Whatever lies there: a pipe would be waited for.
    const isFile = readSmall(join(dataDir, RUN_FILE), MOST_RUN_FILE, 'refused').kind === 'text';
    const ready = isFile ? findRunning(dataDir) : undefined;
    const state = await stateOf(dataDir, ready).catch((error: unknown) => {
      say(error instanceof Error ? error.message : String(error));
      return undefined;
    });
    say(state === undefined ? 'The daemon does not run; its part is left out.' : 'The daemon has told its state.');
    const report = await runChecksHere(dataDir, ready, io.env, ({ name }) => say(`  checked ${name}`));
    const { bytes, parts } = makeBundle(
      {
        at,
        version: VERSION,
        machine: machineFacts(),
        person: personHere(),
        dataDir,
        configPath: state?.policy.path ?? configPath,
        state,
        report,
        env: { ...io.env },
        rows,
      },
      ({ name }) => say(`  made ${name}`),
    );
    writePrivate(output, bytes, force);
    const width = Math.max(...parts.map(({ name }) => name.length));
    const lines = parts.map(({ name, about, bytes: size }) => `  ${name.padEnd(width)}  ${about} (${size} bytes)`);
    io.stdout.write(`${output}\n${lines.join('\n')}\n`);
    return 0;
  },
};

function rowsOf(text: string | undefined): number {
  const rows = Number(text ?? '0');
  if (!/^\d{1,4}$/.test(text ?? '0') || rows > MOST_ROWS)
    throw new UsageError(`--rows takes a number from 0 to ${MOST_ROWS}`);
  return rows;
}

const isThere = (path: string): Error =>
  new Error(`${path} is there already; name another with --output, or add --force`);

/** Never through a link; what was there stays whole until the new file is. */
function writePrivate(path: string, bytes: Uint8Array, force: boolean): void {
  const options = { mode: 0o600, flag: 'wx' } as const;
  if (!force) {
    try {
      return writeFileSync(path, bytes, options);
    } catch (error) {
      throw error instanceof Error && 'code' in error && error.code === 'EEXIST' ? isThere(path) : error;
    }
  }
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, bytes, options);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
