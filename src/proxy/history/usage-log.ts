// SPDX-License-Identifier: Apache-2.0
// Counts the usage of an audit folder and keeps the count: what was read is not read again. Days are counted from the rows that remain:
// when a file has gone (retention, the size cap) all is counted anew, so that the answer is the same whoever has counted before.

import { USAGE_DAYS } from '../../contract/local-api-constants.ts';
import type { UsageReport } from '../../contract/local-history.ts';
import { listQueueFiles, type QueueFileName } from '../audit/folder.ts';
import { type Day, lastDays } from './days.ts';
import { bodyOf, isAttempt, type LogFile, PIECE, readLogFile } from './log-rows.ts';
import type { CostOf } from './prices.ts';
import { UsageCount } from './usage-count.ts';

/** How far a file was read. */
interface Place {
  seq: number;
  /** A newer file was there when it was read: it grows no more. */
  whole: boolean;
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

  report(now: number, timeZone: string, costOf: CostOf): UsageReport {
    const files = listQueueFiles(this.#dir);
    const counted = this.#stillGood(files, now, timeZone) ?? begin(now, timeZone);
    this.#counted = counted;
    for (const [index, file] of files.entries()) read(counted, file, files[index + 1]);
    const since = oldest(files);
    return {
      at: now,
      ...counted.count.report(costOf),
      ...(since === undefined ? {} : { since }),
    };
  }

  /** Today is the last day of the report, and every file that was counted is there. */
  #stillGood(files: readonly QueueFileName[], now: number, timeZone: string): Counted | undefined {
    const counted = this.#counted;
    const [today, tomorrow] = counted?.days.slice(-2) ?? [];
    if (counted?.timeZone !== timeZone || today === undefined || tomorrow === undefined) return undefined;
    if (now < today.from || now >= tomorrow.from) return undefined;
    const names = new Set(files.map(({ name }) => name));
    return [...counted.places.keys()].every((name) => names.has(name)) ? counted : undefined;
  }
}

function begin(now: number, timeZone: string): Counted {
  const days = lastDays(now, timeZone, USAGE_DAYS);
  return { timeZone, days, count: new UsageCount(days), places: new Map() };
}

function read({ places, count, days }: Counted, file: QueueFileName, next: QueueFileName | undefined): void {
  const place = places.get(file.name) ?? { seq: 0, whole: false };
  if (place.whole) return;
  const notBefore = days[0]?.from ?? 0;
  // A file ends when the next one is made.
  const tooOld = next !== undefined && next.created < notBefore;
  const last = tooOld ? place.seq : readLogFile(file, (open) => countRows(open, place.seq, notBefore, count));
  places.set(file.name, { seq: last ?? place.seq, whole: next !== undefined });
}

/** Returns the number of the last row. */
function countRows(file: LogFile, after: number, notBefore: number, count: UsageCount): number {
  for (let from = Math.max(after + 1, file.first); from <= file.last; from += PIECE) {
    const to = Math.min(from + PIECE - 1, file.last);
    for (const row of file.rows(from, to, notBefore)) {
      const body = isAttempt(row) ? undefined : bodyOf(row);
      if (body !== undefined) count.add(row.at, body);
    }
  }
  return Math.max(after, file.last);
}

function oldest(files: readonly QueueFileName[]): number | undefined {
  for (const file of files) {
    const since = readLogFile(file, (open) => open.since);
    if (since !== undefined) return since;
  }
  return undefined;
}
