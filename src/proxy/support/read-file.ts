// SPDX-License-Identifier: Apache-2.0
// Reads small files of which nothing is known but their path: pipes are not waited for, large ones not read. Knows no content.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' | 'not-a-file' | 'too-large' | 'unreadable' };

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * Never throws, never waits.
 * @param most bytes
 * @param links `refused` where everything in the folder is ours; people keep their own configuration behind links
 */
export function readSmall(path: string, most: number, links: 'refused' | 'followed'): FileText {
  let fd: number | undefined;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | (links === 'refused' ? O_NOFOLLOW : 0));
    if (!fstatSync(fd).isFile()) return { kind: 'not-a-file' };
    // Its size may be a lie (/proc), or change: what counts is what comes.
    const bytes = Buffer.alloc(most + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(fd, bytes, length, bytes.length - length, null);
    }
    return length > most ? { kind: 'too-large' } : { kind: 'text', text: bytes.toString('utf8', 0, length) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
    return { kind: code === 'ELOOP' || code === 'EMLINK' ? 'not-a-file' : 'unreadable' };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
