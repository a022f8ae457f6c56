// SPDX-License-Identifier: Apache-2.0
// Private folders and files: made readable by this user alone, refused when they are open to others, written in one step. Knows nothing
// of what stands in them.

import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Any right of the group or of others. */
const OTHERS = 0o077;

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Throws when anybody but its owner may look into it. Windows has no such modes; there the folder's own list of rights counts. */
function refuseOpen(path: string, kind: 'folder' | 'file'): void {
  const found = lstatSync(path);
  if (kind === 'folder' ? !found.isDirectory() : !found.isFile()) throw new Error(`${path} is not a ${kind}`);
  if (process.platform === 'win32' || (found.mode & OTHERS) === 0) return;
  const wanted = kind === 'folder' ? '0700' : '0600';
  throw new Error(`${path} holds private keys and is open to other users; its mode must be ${wanted}`);
}

/** Makes the folder if there is none. Throws when it is open to others. */
export function privateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  refuseOpen(path, 'folder');
}

/** Throws when the file is open to others. */
export function readPrivate(path: string): Buffer {
  refuseOpen(path, 'file');
  return readFileSync(path);
}

/**
 * Writes a file that does not exist yet; whoever looks sees all of it or nothing. False: there is one, of another process that was
 * faster. `nonce` names the unfinished file.
 */
export function createPrivate(path: string, content: string, nonce: string): boolean {
  const unborn = join(dirname(path), `.${basename(path)}.${nonce}`);
  const fd = openSync(unborn, 'wx', FILE_MODE);
  try {
    try {
      writeSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // Unlike a rename, a link does not replace.
    linkSync(unborn, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(unborn, { force: true });
  }
  syncFolder(dirname(path));
  return true;
}

/** Gives a file another name for good. */
export function renamePrivate(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/** Makes new and renamed names durable. Windows' file system journals them itself. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
