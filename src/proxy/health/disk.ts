// SPDX-License-Identifier: Apache-2.0
// Free space for this user.

import { statfs } from 'node:fs/promises';

/** Bytes that this user may still write on the disk of `folder`. Rejects when the folder cannot be asked. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
