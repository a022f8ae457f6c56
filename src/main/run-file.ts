// SPDX-License-Identifier: Apache-2.0
// Where a daemon says that it runs: its run file and the token of its API, from the data folder. Both are hostile until they are parsed:
// whoever could write them would receive the token, or choose what the tray shows.

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { API_TOKEN_FILE, RUN_FILE } from '../contract/data-files.ts';
import { readySchema } from '../contract/ready.ts';
import { defaultPaths } from '../proxy/os/paths.ts';

/** A daemon that says it runs. */
export interface Place {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly origin: string;
  readonly token: string;
  readonly pid: number;
  readonly version: string;
}

/** The run file has under 400 bytes, the token 44. */
const MOST_BYTES = 16_384;
const TOKEN = /^[A-Za-z0-9_-]{20,128}$/;
/** The API never listens anywhere else. */
const ORIGIN = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})\/?$/;

/** A file of the person's, closed to others. On Windows the profile folder is what closes it. */
function isPrivate(stats: Stats, uid: number | undefined): boolean {
  return stats.isFile() && (uid === undefined || (stats.uid === uid && (stats.mode & 0o077) === 0));
}

/** @throws if it is not there, not private, a link, or too long */
function readPrivate(path: string, uid: number | undefined): string {
  // Windows has no O_NOFOLLOW; there a look before the opening has to do.
  if (constants.O_NOFOLLOW === undefined && !lstatSync(path).isFile()) throw new Error('not a file');
  // Not blocking: a pipe in its place must not hold the tray.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    if (!isPrivate(fstatSync(file), uid)) throw new Error('not private');
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    if (length > MOST_BYTES) throw new Error('too long');
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

/** Does a process of ours have this number? Another's would answer EPERM, and is no daemon of ours. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Undefined: no daemon says so, or not credibly. @param uid of the person; undefined on Windows */
export function readPlace(dataDir: string, uid: number | undefined): Place | undefined {
  try {
    const ready = readySchema.parse(JSON.parse(readPrivate(join(dataDir, RUN_FILE), uid)));
    const token = readPrivate(join(dataDir, API_TOKEN_FILE), uid).trim();
    const port = Number(ORIGIN.exec(ready.api_url)?.[1]);
    if (!(port <= 65_535) || !TOKEN.test(token) || !lives(ready.pid)) return undefined;
    return { origin: new URL(ready.api_url).origin, token, pid: ready.pid, version: ready.version };
  } catch {
    return undefined;
  }
}

/** The daemon's data folder; OUTPOST_DATA_DIR names another one (development, tests). */
export function dataDirOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): string {
  const { OUTPOST_DATA_DIR: named = '' } = env;
  return named === '' ? defaultPaths(platform, env, home).dataDir : named;
}
