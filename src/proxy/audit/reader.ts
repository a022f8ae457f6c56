// SPDX-License-Identifier: Apache-2.0
// Reads an audit folder, beside a living daemon or without one: rows in order, the newest rows, the rows of one call. Never makes
// or changes a file. Leaves judging the chain to verify.ts.

import Database from 'better-sqlite3';
import { type AuditRow, auditRow } from '../../contract/audit-row.ts';
import type { Clock } from '../../contract/clock.ts';
import { type StoredRow, toHex } from '../../protocol/chain.ts';
import { isMissing, listQueueFiles, type QueueFileName } from './folder.ts';
import { openReadable, type ReadableFile } from './open-readable.ts';

/** How often `follow` looks for new rows. Milliseconds. */
const FOLLOW_MS = 250;

/** Where a reader is in the log: after this row. */
export interface Place {
  readonly file: string;
  readonly seq: number;
}

/** A stored row as the rest of the world sees it; undefined if its body is not valid (verify.ts says so). */
export function toAuditRow(epoch: string, row: StoredRow): AuditRow | undefined {
  const { seq, at, body } = row;
  try {
    const parsed = auditRow.safeParse({
      v: 1,
      epoch,
      seq,
      at,
      prev: toHex(row.prev),
      body: JSON.parse(body),
      hash: toHex(row.hash),
    });
    return parsed.data;
  } catch {
    return undefined;
  }
}

/** All valid rows after `place`, oldest first. A file that vanishes meanwhile (retention) is passed over. */
export function* readRows(dir: string, place?: Place): Generator<{ readonly row: AuditRow; readonly place: Place }> {
  for (const name of listQueueFiles(dir)) {
    if (place !== undefined && name.name < place.file) continue;
    const file = tryOpen(name);
    if (file === undefined) continue;
    try {
      for (const stored of file.rows(place?.file === name.name ? place.seq : 0)) {
        const row = toAuditRow(file.epoch, stored);
        if (row !== undefined) yield { row, place: { file: name.name, seq: stored.seq } };
      }
    } finally {
      file.close();
    }
  }
}

/** The newest valid rows, newest first. */
export function newestRows(dir: string, limit: number): readonly AuditRow[] {
  const rows: AuditRow[] = [];
  for (const name of listQueueFiles(dir).toReversed()) {
    if (rows.length >= limit) break;
    const sql = 'SELECT seq, at, prev, hash, body FROM rows ORDER BY seq DESC LIMIT ?';
    for (const row of select(name, sql, limit - rows.length)) rows.push(row);
  }
  return rows;
}

/** Every row of the call with this request id or decision id, oldest first. */
export function rowsOfCall(dir: string, id: string): readonly AuditRow[] {
  const requests = new Set<string>();
  for (const row of rowsWith(dir, id)) {
    const { body } = row;
    if (!('request' in body)) continue;
    const decision = 'decision' in body ? body.decision : body.kind === 'outcome' ? body.merged?.decision : undefined;
    if (body.request === id || decision === id) requests.add(body.request);
  }
  return [...requests].flatMap((request) =>
    [...rowsWith(dir, request)].filter(({ body }) => 'request' in body && body.request === request),
  );
}

/** Rows whose text holds `text` as a whole JSON string. */
function* rowsWith(dir: string, text: string): Generator<AuditRow> {
  const sql = 'SELECT seq, at, prev, hash, body FROM rows WHERE instr(body, ?) > 0 ORDER BY seq';
  for (const name of listQueueFiles(dir)) yield* select(name, sql, JSON.stringify(text));
}

/** What a query finds in one file; of a damaged one, what comes before the damage (verify.ts reports it). */
function* select(name: QueueFileName, sql: string, value: string | number): Generator<AuditRow> {
  const file = tryOpen(name);
  if (file === undefined) return;
  try {
    for (const stored of file.db.prepare<[string | number], StoredRow>(sql).iterate(value)) {
      const row = toAuditRow(file.epoch, stored);
      if (row !== undefined) yield row;
    }
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
  } finally {
    file.close();
  }
}

/** Calls `emit` with each row after `place` as it is committed, until the signal says stop. */
export async function followRows(
  dir: string,
  place: Place | undefined,
  clock: Clock,
  stop: AbortSignal,
  emit: (row: AuditRow) => void,
): Promise<void> {
  let at = place;
  while (!stop.aborted) {
    for (const next of readRows(dir, at)) {
      at = next.place;
      emit(next.row);
    }
    await new Promise<void>((resolve) => {
      const timer = clock.after(FOLLOW_MS, finish);
      stop.addEventListener('abort', finish, { once: true });
      function finish(): void {
        timer.clear();
        stop.removeEventListener('abort', finish);
        resolve();
      }
    });
  }
}

function tryOpen(name: QueueFileName): ReadableFile | undefined {
  try {
    return openReadable(name.path);
  } catch (error) {
    // Gone meanwhile, or damaged: verify.ts reports the latter.
    if (isMissing(error) || error instanceof Database.SqliteError) return undefined;
    throw error;
  }
}
