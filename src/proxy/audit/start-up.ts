// SPDX-License-Identifier: Apache-2.0
// What a writer finds when it starts: is the newest file whole, does it end where the log once ended, which calls were cut off.
// Decides how the log goes on; writes nothing itself but the name of a damaged file.

import Database from 'better-sqlite3';
import type { EpochBody, GapBody, OrphanBody } from '../../contract/audit-row.ts';
import { type ChainEnd, checkSequence, EMPTY_CHAIN, fromHex, sameBytes, toHex } from '../../protocol/chain.ts';
import {
  type DamagedFileName,
  type Head,
  type HeadFile,
  listDamagedFiles,
  listQueueFiles,
  type QueueFileName,
  setAside,
} from './folder.ts';
import { openReadable, type ReadableFile } from './open-readable.ts';
import type { CarriedIntent } from './queue-file.ts';

/** Rows whose chain is checked at each start; all are checked by `outpost audit verify`. Source: sync-audit 4.4. */
const TAIL_ROWS = 1000;
/** Calls that were cut off; more than can be in flight. */
const MOST_ORPHANS = 10_000;

export interface NewEpoch {
  readonly body: EpochBody;
  readonly gap: GapBody | undefined;
}

export interface StartPlan {
  /** Goes on in this file, or begins a new epoch. */
  readonly next:
    | { readonly kind: 'continue'; readonly file: QueueFileName }
    | { readonly kind: 'begin'; readonly epoch: NewEpoch };
  readonly openIntents: readonly CarriedIntent[];
  /** A file that was set aside by this start or an earlier one. */
  readonly damaged: DamagedFileName | undefined;
  /** For the log, where something is wrong. */
  readonly notice: string | undefined;
}

/** Looks at the folder and decides. `now` dates a file that has to be set aside. */
export function planStart(dir: string, head: HeadFile, now: number): StartPlan {
  const files = listQueueFiles(dir);
  const newest = files.at(-1);
  const known = head.state === 'known' ? head.head : undefined;
  if (newest === undefined) return planWithoutFiles(dir, known);
  const found = examine(newest, known?.epoch === newest.epoch ? known.seq : undefined);
  if (found.state === 'damaged') {
    const damaged = setAside(newest, now);
    const previous = known?.epoch === newest.epoch ? known : found.end;
    return {
      next: begin('damage', previous, undefined),
      openIntents: [],
      damaged,
      notice: `the newest audit file was damaged (${found.why}) and is kept as ${damaged.name}`,
    };
  }
  const { end, openIntents } = found;
  const missing = known === undefined ? undefined : missingRows(known, newest, found, files);
  if (known === undefined || missing === undefined) {
    const notice = head.state === 'unreadable' ? 'the head file could not be read and is written anew' : undefined;
    const damaged = listDamagedFiles(dir).findLast((file) => file.epoch === found.unsalvaged);
    return { next: { kind: 'continue', file: newest }, openIntents, damaged, notice };
  }
  return {
    next: begin('missing', known, missing),
    openIntents,
    damaged: undefined,
    notice: `the audit log ends at ${newest.epoch}:${end.seq} but had reached ${known.epoch}:${known.seq}`,
  };
}

function planWithoutFiles(dir: string, known: Head | undefined): StartPlan {
  if (known === undefined) {
    return { next: begin('first', undefined, undefined), openIntents: [], damaged: undefined, notice: undefined };
  }
  // The writer may have been killed after it set a damaged file aside and before it made the next one.
  const damaged = listDamagedFiles(dir).findLast((file) => file.epoch === known.epoch);
  if (damaged !== undefined) {
    return {
      next: begin('damage', known, undefined),
      openIntents: [],
      damaged,
      notice: `${damaged.name} is being salvaged`,
    };
  }
  const gap = missingGap(known, 1);
  return {
    next: begin('missing', known, gap),
    openIntents: [],
    damaged: undefined,
    notice: 'the audit files are gone',
  };
}

function begin(reason: EpochBody['reason'], previous: Head | undefined, gap: GapBody | undefined): StartPlan['next'] {
  const body: EpochBody = {
    kind: 'epoch',
    reason,
    ...(previous === undefined ? {} : { previous: { epoch: previous.epoch, seq: previous.seq, hash: previous.hash } }),
  };
  return { kind: 'begin', epoch: { body, gap } };
}

function missingGap(known: Head, from: number): GapBody {
  const rows = { from_seq: from, to_seq: known.seq, count: known.seq - from + 1 };
  return { kind: 'gap', reason: 'missing', epoch: known.epoch, ...(known.seq < from ? {} : rows) };
}

/** What the head file knows and the newest file does not have. Undefined: nothing is missing. */
function missingRows(
  known: Head,
  newest: QueueFileName,
  found: Whole,
  files: readonly QueueFileName[],
): GapBody | undefined {
  if (known.epoch === newest.epoch) {
    if (found.end.seq < known.seq) return missingGap(known, found.end.seq + 1);
    const same = found.hashAtHead !== undefined && sameBytes(found.hashAtHead, fromHex(known.hash));
    return same || known.seq === 0 ? undefined : missingGap(known, 1);
  }
  // Killed between making a file and writing the head: the newest file follows the one that the head names.
  const follows = found.previousEpoch === known.epoch && files.some((file) => file.epoch === known.epoch);
  return follows ? undefined : missingGap(known, 1);
}

interface Whole {
  readonly state: 'whole';
  readonly end: ChainEnd;
  readonly openIntents: readonly CarriedIntent[];
  readonly previousEpoch: string | undefined;
  /** The damaged epoch before this one, if its salvage did not come to an end. */
  readonly unsalvaged: string | undefined;
  /** Hash of the row that the head names, if it is in this file. */
  readonly hashAtHead: Uint8Array | undefined;
}
type Examined = Whole | { readonly state: 'damaged'; readonly why: string; readonly end: Head | undefined };

/** quick_check finds damaged structure, the chain of the last rows finds changed content; neither finds the other's. */
function examine(name: QueueFileName, headSeq: number | undefined): Examined {
  let file: ReadableFile | undefined;
  let end: Head | undefined;
  try {
    file = openReadable(name.path);
    const last = file.db.prepare<[], ChainEnd>('SELECT seq, hash FROM rows ORDER BY seq DESC LIMIT 1').get();
    if (last !== undefined) end = { epoch: name.epoch, seq: last.seq, hash: toHex(last.hash) };
    if (last === undefined || file.epoch !== name.epoch) return { state: 'damaged', why: 'no epoch', end };
    const check = file.db.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') return { state: 'damaged', why: 'quick_check', end };
    const from = Math.max(0, last.seq - TAIL_ROWS);
    const before = from === 0 ? EMPTY_CHAIN : { seq: from, hash: hashAt(file.db, from) ?? EMPTY_CHAIN.hash };
    const { broken } = checkSequence(file.epoch, file.rows(from), before);
    if (broken !== undefined) return { state: 'damaged', why: `row ${broken.seq}: ${broken.why}`, end };
    return {
      state: 'whole',
      end: last,
      openIntents: readOpenIntents(file.db, name.epoch),
      previousEpoch: previousEpoch(file.db),
      unsalvaged: unsalvaged(file.db),
      hashAtHead: headSeq === undefined ? undefined : hashAt(file.db, headSeq),
    };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { state: 'damaged', why: error.code, end };
  } finally {
    file?.close();
  }
}

/** Does this error speak of the content of a file, not of locks, space or the device? */
function isDamage(error: unknown): error is InstanceType<typeof Database.SqliteError> {
  // SQLITE_ERROR: a table is missing, or a body is no longer JSON.
  return error instanceof Database.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB|FORMAT|ERROR$)/.test(error.code);
}

function hashAt(db: Database.Database, seq: number): Uint8Array | undefined {
  return db.prepare<[number], Uint8Array>('SELECT hash FROM rows WHERE seq = ?').pluck().get(seq);
}

function previousEpoch(db: Database.Database): string | undefined {
  const sql = "SELECT body ->> '$.previous.epoch' FROM rows WHERE seq = 1";
  return db.prepare<[], string | null>(sql).pluck().get() ?? undefined;
}

/** Salvage ends with a gap row of reason `damage`. */
function unsalvaged(db: Database.Database): string | undefined {
  const sql = `
    SELECT body ->> '$.previous.epoch' FROM rows WHERE seq = 1 AND body ->> '$.reason' = 'damage' AND NOT EXISTS (
      SELECT 1 FROM rows WHERE body ->> '$.kind' = 'gap' AND body ->> '$.reason' = 'damage')`;
  return db.prepare<[], string | null>(sql).pluck().get() ?? undefined;
}

/** Intents of this file, and those carried into it, that have neither outcome nor refusal nor orphan row. */
function readOpenIntents(db: Database.Database, epoch: string): readonly CarriedIntent[] {
  const sql = `
    SELECT request, epoch, seq, run FROM (
      SELECT request, epoch, seq, run FROM carried
      UNION ALL
      SELECT body ->> '$.request', ?, seq, run FROM rows WHERE body ->> '$.kind' = 'intent'
    ) WHERE request NOT IN (
      SELECT body ->> '$.request' FROM rows WHERE body ->> '$.kind' IN ('outcome', 'refusal', 'orphan')
    ) ORDER BY epoch = ?, seq LIMIT ?`;
  return db.prepare<[string, string, number], CarriedIntent>(sql).all(epoch, epoch, MOST_ORPHANS);
}

/** What is written for an intent whose outcome will never come. `epoch`: the one that this row goes into. */
export function orphanRow(intent: CarriedIntent, epoch: string): OrphanBody {
  const elsewhere = intent.epoch === epoch ? {} : { intent_epoch: intent.epoch };
  return { kind: 'orphan', request: intent.request, intent_seq: intent.seq, ...elsewhere };
}
