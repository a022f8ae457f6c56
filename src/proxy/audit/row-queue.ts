// SPDX-License-Identifier: Apache-2.0
// Rows between the moment they are handed in and the moment the writer settles them: order, bounds, deadlines. Pure; knows no
// thread and no clock.

import type { RowBody } from '../../contract/audit-row.ts';
import type { IntentReceipt } from './audit-log.ts';
import type { PostedRow } from './writer-protocol.ts';

/** At the writer and not settled. Above: rows wait here. Source: sync-audit 5. */
const MOST_POSTED_ROWS = 2000;
const MOST_POSTED_CHARS = 8 * 1024 * 1024;
/** A commit of so many rows costs hardly more a row than a larger one. */
const CROWD_ROWS = 256;
/** Altogether. Above: rows are refused, for then the disk has not answered for many seconds. */
const MOST_ROWS = 8000;
const MOST_CHARS = 32 * 1024 * 1024;

/** Someone waits for the row. */
export interface Waiting {
  readonly level: 'strict' | 'standard';
  /** Monotonic time, milliseconds. */
  readonly deadline: number;
  resolve(receipt: IntentReceipt): void;
}

export interface QueuedRow extends PostedRow {
  /** What `body` is the text of. */
  readonly row: RowBody;
  readonly waiting: Waiting | undefined;
}

interface Entry extends PostedRow {
  readonly row: RowBody;
  posted: boolean;
  late: boolean;
  waiting: Waiting | undefined;
}

export class RowQueue {
  /** By ticket, in order. */
  readonly #entries = new Map<number, Entry>();
  /** Those that are waited for, in order. */
  readonly #waiting = new Map<number, Entry>();
  #ticket = 0;
  #nextToPost = 1;
  #chars = 0;
  #postedRows = 0;
  #postedChars = 0;
  #late = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Rows that were not settled by their deadline and still are not. */
  get late(): number {
    return this.#late;
  }

  /** Is it far from its bounds? */
  get roomy(): boolean {
    return this.#entries.size < MOST_POSTED_ROWS && this.#chars < MOST_POSTED_CHARS;
  }

  /** Rows at the writer that are not settled. */
  get posted(): number {
    return this.#postedRows;
  }

  /** So many rows wait here that they should not wait for a reason to be posted. */
  get crowded(): boolean {
    return this.#entries.size - this.#postedRows >= CROWD_ROWS;
  }

  /** False: the queue is full. */
  push(row: Omit<QueuedRow, 'ticket' | 'waiting'>, waiting: Waiting | undefined): boolean {
    if (this.#entries.size >= MOST_ROWS || this.#chars + row.body.length > MOST_CHARS) return false;
    const ticket = ++this.#ticket;
    const { at, body, opens, closes } = row;
    const entry: Entry = { ticket, at, body, opens, closes, row: row.row, waiting, posted: false, late: false };
    this.#entries.set(ticket, entry);
    if (waiting !== undefined) this.#waiting.set(ticket, entry);
    this.#chars += row.body.length;
    return true;
  }

  /** The next rows for the writer, as many as it may have in flight. */
  takeForPosting(): readonly PostedRow[] {
    const rows: PostedRow[] = [];
    for (; this.#nextToPost <= this.#ticket; this.#nextToPost++) {
      const entry = this.#entries.get(this.#nextToPost);
      if (entry === undefined) continue;
      if (this.#postedRows >= MOST_POSTED_ROWS || this.#postedChars >= MOST_POSTED_CHARS) break;
      entry.posted = true;
      this.#postedRows++;
      this.#postedChars += entry.body.length;
      rows.push(plain(entry));
    }
    return rows;
  }

  /** All rows are to be posted anew: there is another writer. */
  postAgain(): void {
    for (const entry of this.#entries.values()) entry.posted = false;
    this.#postedRows = 0;
    this.#postedChars = 0;
    this.#nextToPost = this.#entries.keys().next().value ?? this.#ticket + 1;
  }

  /** Takes out every row up to this ticket. */
  settleThrough(ticket: number): readonly QueuedRow[] {
    const settled: QueuedRow[] = [];
    for (const [key, entry] of this.#entries) {
      if (key > ticket) break;
      this.#remove(key, entry);
      settled.push(entry);
    }
    return settled;
  }

  clear(): readonly QueuedRow[] {
    return this.settleThrough(Number.MAX_SAFE_INTEGER);
  }

  get nextDeadline(): number | undefined {
    return this.#waiting.values().next().value?.waiting?.deadline;
  }

  /** Rows whose deadline has passed; nobody waits for them any more, but they stay until they are settled. */
  expire(now: number): readonly (PostedRow & { readonly waiting: Waiting })[] {
    const expired: (PostedRow & { readonly waiting: Waiting })[] = [];
    for (const [ticket, entry] of this.#waiting) {
      const { waiting } = entry;
      if (waiting === undefined || waiting.deadline > now) continue;
      this.#waiting.delete(ticket);
      entry.waiting = undefined;
      entry.late = true;
      this.#late++;
      expired.push({ ...plain(entry), waiting });
    }
    return expired;
  }

  #remove(ticket: number, entry: Entry): void {
    this.#entries.delete(ticket);
    this.#waiting.delete(ticket);
    this.#chars -= entry.body.length;
    if (entry.late) this.#late--;
    if (!entry.posted) return;
    this.#postedRows--;
    this.#postedChars -= entry.body.length;
  }
}

function plain({ ticket, at, body, opens, closes }: Entry): PostedRow {
  return { ticket, at, body, opens, closes };
}
