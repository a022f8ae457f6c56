// SPDX-License-Identifier: Apache-2.0
// How much room the audit log has: its cap, what each fill means, and the ballast that a full disk gets back. Knows sizes, not
// rows.

import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { FILE_MODE, fileBytes } from './folder.ts';
import { PAGE_BYTES } from './queue-file.ts';

/** Never take more of the free disk than this, whatever the cap says. Source: sync-audit 3. */
const SHARE_OF_FREE = 0.05;
/** But an audit log needs some room even on a nearly full disk. */
const LEAST_CAP = 16 * 1024 * 1024;

/** Bytes that all queue files together may have. */
export function effectiveCap(configured: number, freeBytes: number, usedBytes: number): number {
  return Math.min(configured, Math.max(Math.floor((freeBytes + usedBytes) * SHARE_OF_FREE), LEAST_CAP));
}

/** A file is rotated at this size: 64 MB, less where the cap is small, so that there is always an old one to drop. */
export function rotationBytes(configured: number, cap: number): number {
  return Math.max(Math.min(configured, cap / 8), 8 * PAGE_BYTES);
}

/** Free bytes for this user; infinite where the file system does not say. */
export function freeBytes(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Does this error mean that a file could not grow? A full disk shows as several of SQLite's input/output errors, too. */
export function isNoRoom(error: unknown, dir: string): boolean {
  if (error instanceof Database.SqliteError) {
    if (error.code === 'SQLITE_FULL') return true;
    return error.code.startsWith('SQLITE_IOERR') && freeBytes(dir) < 2 * PAGE_BYTES;
  }
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

export class Ballast {
  readonly #path: string;
  readonly #bytes: number;
  constructor(dir: string, bytes: number) {
    this.#path = join(dir, 'ballast');
    this.#bytes = bytes;
  }

  /** Is there enough free space to take the ballast again and still have as much left? */
  fits(free: number): boolean {
    return free >= 2 * this.#bytes;
  }

  get held(): boolean {
    return fileBytes(this.#path) === this.#bytes;
  }

  /** Writes it if it is not there. Random bytes: neither a hole nor compressible, so the space is really taken. False: no room. */
  hold(): boolean {
    if (this.held) return true;
    try {
      const fd = openSync(this.#path, 'w', FILE_MODE);
      try {
        const chunk = randomBytes(Math.min(this.#bytes, 1024 * 1024));
        for (let written = 0; written < this.#bytes; ) {
          written += writeSync(fd, chunk, 0, Math.min(chunk.length, this.#bytes - written));
        }
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      return true;
    } catch {
      this.release();
      return false;
    }
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }
}
