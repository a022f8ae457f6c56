// SPDX-License-Identifier: Apache-2.0
// Files that are there whole or not at all, also when the power goes. The operations are a port, so that tests can die between any two of
// them. Knows no file's meaning.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What is done to the disk, one step each. All reject with the system's error. */
export interface FilePort {
  /** Private to this user; over what is there. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Returns when the file's bytes survive a loss of power. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Returns when the names in the folder survive a loss of power. */
  syncFolder(path: string): Promise<void>;
  remove(path: string): Promise<void>;
}

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

async function withFile(path: string, flags: string | number, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, FILE_MODE);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

export const filePort: FilePort = {
  async write(path, bytes) {
    // Not into what is there: that may be a link, or open to others.
    await rm(path, { force: true });
    await withFile(path, 'wx', (file) => file.writeFile(bytes));
  },
  sync: (path) => withFile(path, 'r+', (file) => file.sync()),
  rename,
  async syncFolder(path) {
    // Windows opens no folder, and needs no sync of one.
    if (process.platform !== 'win32') await withFile(path, 'r', (folder) => folder.sync());
  },
  remove: (path) => rm(path, { force: true }),
};

/** The whole file or nothing; durable when it resolves. */
export async function replaceFile(port: FilePort, path: string, bytes: Uint8Array): Promise<void> {
  const next = `${path}.new`;
  await port.write(next, bytes);
  await port.sync(next);
  await port.rename(next, path);
  await port.syncFolder(dirname(path));
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

/** Its message is a sentence about the file. */
export class FileNotOurs extends Error {}

/**
 * At most `most` bytes of a file that only this user can open.
 * @throws FileNotOurs for one that others can open too, or that is larger; the system's error for one that cannot be read.
 */
export async function readOwn(path: string, most: number): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    // Never through a link that somebody else could have put here, and never waiting for the other end of a pipe.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const about = await file.stat();
    if (!about.isFile()) throw new FileNotOurs(`${path} is not a regular file`);
    const isOurs = process.getuid === undefined || about.uid === process.getuid();
    const isClosed = process.platform === 'win32' || (about.mode & 0o077) === 0;
    if (!isOurs || !isClosed) throw new FileNotOurs(`${path} is open to other users`);
    if (about.size > most) throw new FileNotOurs(`${path} is larger than ${most} bytes`);
    const bytes = Buffer.alloc(about.size);
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } finally {
    await file.close();
  }
}
