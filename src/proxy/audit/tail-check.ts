// SPDX-License-Identifier: Apache-2.0
// Quick facts about the log on disk: is its newest end whole, how much is there, since when. Reads only; never the whole log.

import { lstatSync } from 'node:fs';
import { checkSequence, type StoredRow } from '../../protocol/chain.ts';
import type { AuditTailCheck } from './audit-log.ts';
import { isMissing, listQueueFiles } from './folder.ts';
import { openReadable } from './open-readable.ts';

/** As at start-up: a damaged end is what a crash or a failing disk leaves. */
const TAIL_ROWS = 1_000;
/** Far above what a queue file grows to. */
const MOST_BYTES = 256 * 2 ** 20;

/** Verifies the last rows of the newest file. Never throws. */
export function checkTail(dir: string): AuditTailCheck {
  try {
    const newest = listQueueFiles(dir).at(-1);
    if (newest === undefined) return { kind: 'absent' };
    // A pipe would be waited for, and what no writer makes read into memory.
    const stats = lstatSync(newest.path);
    if (!stats.isFile() || stats.size > MOST_BYTES)
      return { kind: 'unreadable', reason: `${newest.name} is no file of ours` };
    const file = openReadable(newest.path);
    try {
      const rows = file.db
        .prepare<[number], StoredRow>('SELECT seq, at, prev, hash, body FROM rows ORDER BY seq DESC LIMIT ?')
        .all(TAIL_ROWS)
        .reverse();
      const [first] = rows;
      if (first === undefined) return { kind: 'intact', epoch: file.epoch, seq: 0, verified: 0, newestAt: undefined };
      const { end, broken } = checkSequence(file.epoch, rows, { seq: first.seq - 1, hash: first.prev });
      if (broken !== undefined) return { kind: 'broken', epoch: file.epoch, seq: broken.seq, reason: broken.why };
      return { kind: 'intact', epoch: file.epoch, seq: end.seq, verified: rows.length, newestAt: rows.at(-1)?.at };
    } finally {
      file.close();
    }
  } catch (error) {
    if (isMissing(error)) return { kind: 'absent' };
    return { kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Rows in all files and the time of the oldest; unreadable files are passed over. */
export function logSize(dir: string): { readonly rows: number; readonly oldestAt: number | undefined } {
  let rows = 0;
  let oldestAt: number | undefined;
  for (const { path } of safeList(dir)) {
    try {
      const file = openReadable(path);
      try {
        rows += file.db.prepare<[], number>('SELECT count(*) FROM rows').pluck().get() ?? 0;
        oldestAt ??= file.db.prepare<[], number>('SELECT at FROM rows ORDER BY seq LIMIT 1').pluck().get();
      } finally {
        file.close();
      }
    } catch {
      // Told by `outpost audit verify` and the health list.
    }
  }
  return { rows, oldestAt };
}

function safeList(dir: string): ReturnType<typeof listQueueFiles> {
  try {
    return listQueueFiles(dir);
  } catch {
    return [];
  }
}
