// SPDX-License-Identifier: Apache-2.0
// The token of the local API: a file that only its owner can read, and comparing without telling by time. Logs nothing.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Equal texts? Takes the same time wherever they differ, and whatever their lengths are. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function readOwn(path: string): string | undefined {
  let fd: number;
  try {
    // Never through a link that another user could have put here.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch {
    return undefined;
  }
  try {
    const { mode, uid, size } = fstatSync(fd);
    const isOurs = process.getuid === undefined || uid === process.getuid();
    const isClosed = process.platform === 'win32' || (mode & 0o077) === 0;
    if (!isOurs || !isClosed || size > 128) return undefined;
    const token = readFileSync(fd, 'utf8').trim();
    return TOKEN.test(token) ? token : undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads the token file, or writes a new one with mode 0600. A file that others could read or that is not a token is replaced:
 * what was in it may be known. It stays the same over restarts, so an open page stays signed in. Throws when it cannot be written.
 */
export function readOrCreateToken(path: string): string {
  const present = readOwn(path);
  if (present !== undefined) return present;
  const token = randomBytes(32).toString('base64url');
  rmSync(path, { force: true });
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, `${token}\n`);
  } finally {
    closeSync(fd);
  }
  return token;
}
