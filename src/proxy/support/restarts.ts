// SPDX-License-Identifier: Apache-2.0
// Unexpected ends of the daemon, found at the next start: its run file was still there. Counts those of the last day in a small file of the
// data folder. What stands on disk is parsed, never trusted. Raises nothing itself.

import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_FILE } from '../../contract/data-files.ts';
import { hasMembers, isWhole, type MemberTests } from '../../contract/members.ts';
import { readSmall } from './read-file.ts';

/** `{ v: 1, found: [milliseconds since 1970, oldest first] }` */
export const RESTARTS_FILE = 'restarts.json';
/** How long an unexpected end is told of. Milliseconds. */
export const TOLD_MS = 86_400_000;
/**
 * Windows ends a program at sign-out, at an upgrade and by `schtasks /end` without telling it: there one end is no sign, two within this time
 * are. Milliseconds.
 */
const TWICE_WITHIN_MS = 3_600_000;
/** More says nothing new. */
const MOST = 64;
const MOST_BYTES = 4_096;
/** The clock of the file system and ours may differ by this much. Milliseconds. */
const SLACK_MS = 2_000;

export interface Restarts {
  /** When the last unexpected end was found, milliseconds since the Unix epoch: it lies before. */
  readonly at: number;
  /** Of the last 24 hours. */
  readonly times: number;
}

interface Kept {
  readonly v: 1;
  readonly found: readonly number[];
}

const KEPT: MemberTests<Kept> = {
  v: (value) => value === 1,
  found: (value) => Array.isArray(value) && value.length <= MOST && value.every((at) => isWhole(at, 0)),
};

/**
 * Only while no other daemon can use the folder. A run file that is older than the machine's last start is no sign: then it was the machine
 * that went down.
 * @param now wall time @param isTold whether a program is told before it is ended by the system (all but Windows) @param bootedAt wall time of the machine's start @returns undefined: none in the last 24 hours
 * @throws the system's error, where the folder cannot be written
 */
export function takeRestarts(dataDir: string, now: number, bootedAt: number, isTold: boolean): Restarts | undefined {
  const runFile = join(dataDir, RUN_FILE);
  const begun = beginOf(runFile);
  const found = readRestarts(dataDir, now);
  if (begun !== undefined) {
    // Found is found: a start that fails from here on must not count it again.
    rmSync(runFile, { force: true });
    if (begun >= bootedAt - SLACK_MS) {
      found.push(now);
      keep(join(dataDir, RESTARTS_FILE), found.slice(-MOST));
    }
  }
  const signs = isTold ? found : found.filter((at, index) => at - (found[index - 1] ?? -Infinity) < TWICE_WITHIN_MS);
  const at = signs.at(-1);
  return at === undefined ? undefined : { at, times: signs.length };
}

/** Times of the last 24 hours, oldest first. Whatever else stands in the file counts as nothing. */
export function readRestarts(dataDir: string, now: number): number[] {
  const file = readSmall(join(dataDir, RESTARTS_FILE), MOST_BYTES, 'refused');
  if (file.kind !== 'text') return [];
  try {
    const kept: unknown = JSON.parse(file.text);
    if (!hasMembers(kept, KEPT)) return [];
    return kept.found.filter((at) => at <= now && now - at < TOLD_MS).sort((a, b) => a - b);
  } catch {
    return [];
  }
}

/** When the run that left it began; undefined: there is none, or it is not one of ours. */
function beginOf(runFile: string): number | undefined {
  const found = lstatSync(runFile, { throwIfNoEntry: false });
  return found?.isFile() === true ? found.mtimeMs : undefined;
}

function keep(path: string, found: readonly number[]): void {
  const text = JSON.stringify({ v: 1, found } satisfies Kept);
  rmSync(`${path}.new`, { recursive: true, force: true });
  writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(`${path}.new`, path);
}
