// SPDX-License-Identifier: Apache-2.0
// Owns: reading a small file that somebody may have prepared: no links, no pipes, no endless ones. Must not know what is in it.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Never waits: opening a planted pipe would. The flags are absent on Windows. */
export async function openWithoutWaiting(
  path: string,
): Promise<{ readonly file: FileHandle } | { readonly problem: string }> {
  try {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    return { file: await open(path, flags) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { problem: 'does not exist' };
    return { problem: code === 'ELOOP' ? 'is a link' : `cannot be read (${code ?? 'unknown error'})` };
  }
}

/** `since`: when it was changed last. Wall time, whole milliseconds. */
export async function readBounded(
  file: FileHandle,
  limit: number,
): Promise<{ readonly bytes: Buffer; readonly since: number } | { readonly problem: string }> {
  const stat = await file.stat();
  if (!stat.isFile()) return { problem: 'is not a plain file' };
  if (stat.size > limit) return { problem: `is larger than ${limit} bytes` };
  const buffer = Buffer.alloc(stat.size);
  const { bytesRead } = await file.read(buffer, 0, stat.size, 0);
  return { bytes: buffer.subarray(0, bytesRead), since: Math.trunc(stat.mtimeMs) };
}
