// SPDX-License-Identifier: Apache-2.0
// Counts the usage of an audit folder and keeps the count: what was read is not read again. Days are counted from the rows that remain:
// when a file has gone (retention, the size cap) all is counted anew, so that the answer is the same whoever has counted before. A count
// that fails half-way keeps what it has, and goes on from there.

import { USAGE_DAYS } from '../../contract/local-api-constants.ts';
import type { UsageReport } from '../../contract/local-history.ts';
import { listQueueFiles, type QueueFileName } from '../audit/folder.ts';
import { type Day, lastDays } from './days.ts';
import { bodyOf, isAttempt, openLogFile, PIECE, readLogFile } from './log-rows.ts';
import type { CostOf } from './prices.ts';
import { UsageCount } from './usage-count.ts';

/** How far a file was counted. */
interface Place {
  readonly seq: number;
  /** `whole`: a newer file was there when its last row was counted, it grows no more. `unread`: nothing of it could be read. */
  readonly state: 'grows' | 'whole' | 'unread';
}

interface Counted {
  readonly timeZone: string;
  /** Those of the report, and tomorrow. */
  readonly days: readonly Day[];
  readonly count: UsageCount;
  readonly places: Map<string, Place>;
}

export class UsageLog {
  readonly #dir: string;
  #counted: Counted | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** In pieces, between which other work may be done; one report at a time. */
  *report(now: number, timeZone: string, costOf: CostOf): Generator<undefined, UsageReport> {
    const files = listQueueFiles(this.#dir);
    const counted = this.#stillGood(files, now, timeZone) ?? begin(now, timeZone);
    this.#counted = counted;
    for (const [index, file] of files.entries()) yield* read(counted, file, files[index + 1]);
    const since = oldest(files);
    return {
      at: now,
      ...counted.count.report(costOf),
      ...(since === undefined ? {} : { since }),
    };
  }

  /** Today is the last day of the report, every file that was counted is there, and what could not be read still cannot. */
  #stillGood(files: readonly QueueFileName[], now: number, timeZone: string): Counted | undefined {
    const counted = this.#counted;
    const [today, tomorrow] = counted?.days.slice(-2) ?? [];
    if (counted?.timeZone !== timeZone || today === undefined || tomorrow === undefined) return undefined;
    if (now < today.from || now >= tomorrow.from) return undefined;
    const names = new Set(files.map(({ name }) => name));
    if (![...counted.places.keys()].every((name) => names.has(name))) return undefined;
    // Out of their turn, its rows would be taken for calls without a beginning or an end.
    const unread = files.filter(({ name }) => counted.places.get(name)?.state === 'unread');
    return unread.every((file) => readLogFile(file, () => true) === undefined) ? counted : undefined;
  }
}

function begin(now: number, timeZone: string): Counted {
  const days = lastDays(now, timeZone, USAGE_DAYS);
  return { timeZone, days, count: new UsageCount(days), places: new Map() };
}

function* read(counted: Counted, file: QueueFileName, next: QueueFileName | undefined): Generator<undefined> {
  const { places, days } = counted;
  const { seq = 0, state = 'grows' } = places.get(file.name) ?? {};
  if (state !== 'grows') return;
  // A file ends when the next one is made.
  const tooOld = next !== undefined && next.created < (days[0]?.from ?? 0);
  const last = tooOld ? seq : yield* countRows(counted, file, seq);
  if (last === undefined) places.set(file.name, { seq, state: 'unread' });
  else places.set(file.name, { seq: last, state: next === undefined ? 'grows' : 'whole' });
}

/**
 * Returns the number of the last row; undefined: the file cannot be read. What is counted and its place are changed together, since a later
 * piece may fail.
 */
function* countRows(counted: Counted, file: QueueFileName, after: number): Generator<undefined, number | undefined> {
  const { places, count, days } = counted;
  const open = openLogFile(file);
  if (open === undefined) return undefined;
  try {
    for (let from = Math.max(after + 1, open.first); from <= open.last; from += PIECE) {
      const to = Math.min(from + PIECE - 1, open.last);
      const rows = open.rows(from, to, days[0]?.from);
      places.set(file.name, { seq: to, state: 'grows' });
      for (const row of rows) {
        const body = isAttempt(row) ? undefined : bodyOf(row);
        if (body !== undefined) count.add(row.at, body);
      }
      yield;
    }
    return Math.max(after, open.last);
  } finally {
    open.close();
  }
}

function oldest(files: readonly QueueFileName[]): number | undefined {
  for (const file of files) {
    const since = readLogFile(file, (open) => open.since);
    if (since !== undefined) return since;
  }
  return undefined;
}
