// SPDX-License-Identifier: Apache-2.0
// Owns: reading and replacing small files that only this user may see. Must not know what is in them.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OutpostError } from '../../../contract/errors.ts';

const unusable = (what: string, cause?: unknown): OutpostError => new OutpostError('OUT_CA_UNUSABLE', what, { cause });

/** Windows has no such bits: there the profile folder's access list protects the file (not verified on a real machine). */
const HAS_MODES = process.platform !== 'win32';

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Makes the folder with mode 0700, or takes that mode from everybody else's hands if it exists.
 * @throws OutpostError OUT_CA_UNUSABLE when others own it or could have written into it.
 */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const stat = await lstat(path);
  if (!stat.isDirectory()) throw unusable(`${path} is not a folder`);
  if (!HAS_MODES) return;
  if (stat.uid !== process.getuid?.()) throw unusable(`${path} belongs to another user`);
  if ((stat.mode & 0o022) !== 0) throw unusable(`${path} can be written by other users`);
  if ((stat.mode & 0o077) !== 0) await chmod(path, 0o700);
}

/**
 * The text of a private file, or undefined when there is none.
 * @throws OutpostError OUT_CA_UNUSABLE when it is not a plain file, too large, another user's, or open to others.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<string | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // NONBLOCK: opening a planted FIFO must not hang the daemon. Both flags are absent on Windows.
    handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unusable(`${path} cannot be opened (${codeOf(error) ?? 'unknown error'})`, error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw unusable(`${path} is not a plain file`);
    if (stat.size > maxBytes) throw unusable(`${path} is larger than ${maxBytes} bytes`);
    if (HAS_MODES && stat.uid !== process.getuid?.()) throw unusable(`${path} belongs to another user`);
    if (HAS_MODES && (stat.mode & 0o077) !== 0) {
      throw unusable(`${path} is open to other users; the key in it may be known to them`);
    }
    const buffer = Buffer.alloc(stat.size);
    const { bytesRead } = await handle.read(buffer, 0, stat.size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * Puts a whole file in place or nothing: written beside, synced, then renamed; the folder is synced too, so that a power
 * cut leaves the old or the new text. With `exclusive` an existing file wins and `false` is returned.
 * @param mode 0o600 for secrets, 0o644 for what others may read.
 */
export async function replaceFile(
  path: string,
  text: string,
  { mode, exclusive = false }: { readonly mode: number; readonly exclusive?: boolean },
): Promise<boolean> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', mode);
  try {
    try {
      await handle.writeFile(text);
      // The process's umask may have taken bits that readers need.
      if (HAS_MODES) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (exclusive) await link(temporary, path);
    else await rename(temporary, path);
  } catch (error) {
    if (exclusive && codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder as a file; its renames are journalled.
  if (!HAS_MODES) return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
