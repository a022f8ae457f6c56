// SPDX-License-Identifier: Apache-2.0
// Makes sure that one process writes to an audit folder. Owns the lock file and nothing else.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fileBytes, makePrivateFile, readHead } from './folder.ts';
import { AuditLockedError } from './lock-error.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder, or throws AuditLockedError. An open SQLite transaction is the lock: the operating system holds it for the
 * process on every platform and lets go when the process ends in any way, so that there is no stale lock to judge.
 */
export function lockFolder(dir: string): FolderLock {
  const path = join(dir, 'lock');
  try {
    makePrivateFile(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const db = new Database(path, { timeout: 0 });
  try {
    db.pragma('journal_mode = OFF');
    // Locking an empty file would write its first page, each time, even on a full disk.
    if (fileBytes(path) === 0) db.pragma('user_version = 1');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!(error instanceof Database.SqliteError)) throw error;
    // SQLite does not say which file it speaks of.
    if (!error.code.startsWith('SQLITE_BUSY')) throw new Error(`${path}: ${error.message}`, { cause: error });
    const head = readHead(dir);
    const holder = head.state === 'known' ? ` (process ${head.pid})` : '';
    throw new AuditLockedError(`another outpostd${holder} already writes to the audit folder ${dir}`);
  }
  return { release: () => void db.close() };
}
