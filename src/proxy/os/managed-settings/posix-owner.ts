// SPDX-License-Identifier: Apache-2.0
// Owns: whether only the administrator can have written a file, by owner and mode. Access control lists, which stat does not show, are
// not looked at. Must not know which file.

import { type FileHandle, lstat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Of the file, and of the folder: whoever may write into it could put another file in its place, or take it away. */
export async function posixOwnerProblem(path: string, file: FileHandle, owner: number): Promise<string | undefined> {
  const folder = await lstat(dirname(path));
  return wrong(await file.stat(), owner) ?? prefixed('lies in a folder that', wrong(folder, owner));
}

function wrong({ uid, mode }: { readonly uid: number; readonly mode: number }, owner: number): string | undefined {
  if (uid !== owner) return owner === 0 ? 'does not belong to root' : 'belongs to another user';
  return (mode & 0o022) === 0 ? undefined : 'can be written by other users';
}

function prefixed(words: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${words} ${problem}`;
}
