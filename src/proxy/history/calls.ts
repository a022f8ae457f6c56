// SPDX-License-Identifier: Apache-2.0
// Calls of the whole log as pages, newest first. A call stands where its first row is, which never moves: pages stay as they are while rows
// arrive. Reads from a page's place backwards, and so far on as calls of that page were under way there; never more than a bound.

import type { IntentBody, OrphanBody, OutcomeBody, RefusalBody } from '../../contract/audit-row.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import { CALLS_LIMIT } from '../../contract/local-api-constants.ts';
import type { CallsPage, CallsQuery } from '../../contract/local-history.ts';
import { listQueueFiles, type QueueFileName } from '../audit/folder.ts';
import { lineOf } from '../local-api/activity.ts';
import { bodyOf, isAttempt, type LogFile, type LogRow, PIECE, readLogFile } from './log-rows.ts';

/** Rows behind a page's beginning that are looked at for its calls: about 100 ms. A search that finds nothing goes on with the next page. */
const MOST_BACK = 20_000;
/** Rows after it that are looked at for the ends of its calls. One that ends later still is shown as running. */
const MOST_AHEAD = 20_000;

/** A row's place in the log: files sort by the time they were made. */
interface Place {
  readonly created: number;
  readonly seq: number;
}

type Begun = IntentBody | RefusalBody | OutcomeBody;
type Ended = OutcomeBody | OrphanBody | RefusalBody;

/** A call on its way to the page. */
interface Found {
  readonly place: Place;
  readonly at: number;
  readonly begun: Begun;
}

/** Undefined: `before` is no place of a log. */
export function callsPage(dir: string, query: CallsQuery): CallsPage | undefined {
  const before = query.before === undefined ? undefined : placeOf(query.before);
  if (query.before !== undefined && before === undefined) return undefined;
  return new Page(listQueueFiles(dir), query, before).read();
}

function placeOf(text: string): Place | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  return match === null ? undefined : { created: Number(match[1]), seq: Number(match[2]) };
}

class Page {
  readonly #files: readonly QueueFileName[];
  readonly #before: Place | undefined;
  readonly #fits: (item: ActivityItem, decision: string | undefined) => boolean;
  /** By request: what was seen behind its beginning. */
  readonly #ends = new Map<string, Ended>();
  readonly #latest = new Map<string, IntentBody>();
  readonly #calls: ActivityItem[] = [];
  readonly #ahead: Generator<readonly LogRow[]>;
  #back = 0;

  constructor(files: readonly QueueFileName[], query: CallsQuery, before: Place | undefined) {
    this.#files = files;
    this.#before = before;
    this.#fits = filterOf(query);
    this.#ahead = this.#rowsAhead();
  }

  read(): CallsPage {
    const next = this.#goBack();
    return { calls: this.#calls, ...(next === undefined ? {} : { next: `${next.created}.${next.seq}` }) };
  }

  /** The place where the next page begins; undefined: the log does. */
  #goBack(): Place | undefined {
    const before = this.#before;
    for (const file of this.#files.toReversed()) {
      if (before !== undefined && file.created > before.created) continue;
      const end = file.created === before?.created ? before.seq : Number.MAX_SAFE_INTEGER;
      const next = readLogFile(file, (open) => this.#backIn(open, file.created, end));
      if (next !== undefined) return next;
    }
    return undefined;
  }

  #backIn(file: LogFile, created: number, end: number): Place | undefined {
    for (let to = Math.min(end - 1, file.last); to >= file.first; to -= PIECE) {
      const from = Math.max(to - PIECE + 1, file.first);
      const rows = file.rows(from, to);
      const found = rows.toReversed().flatMap((row) => this.#take(row, created));
      this.#settle(found);
      for (const call of found) {
        this.#put(call);
        if (this.#calls.length >= CALLS_LIMIT) return call.place;
      }
      this.#back += rows.length;
      if (this.#back >= MOST_BACK) return { created, seq: from };
    }
    return undefined;
  }

  /** Remembers what a row tells of its call; returns the call if the row is its first. */
  #take(row: LogRow, created: number): readonly Found[] {
    const body = isAttempt(row) ? undefined : bodyOf(row);
    const found = (begun: Begun): readonly Found[] => [{ place: { created, seq: row.seq }, at: row.at, begun }];
    switch (body?.kind) {
      case 'intent':
        if (!this.#latest.has(body.request)) this.#latest.set(body.request, body);
        return body.attempt === undefined ? found(body) : [];
      case 'refusal':
        this.#ends.set(body.request, body);
        return found(body);
      case 'outcome':
        this.#ends.set(body.request, body);
        return body.merged === undefined ? [] : found(body);
      case 'orphan':
        if (!this.#ends.has(body.request)) this.#ends.set(body.request, body);
        return [];
      default:
        return [];
    }
  }

  #put({ at, begun }: Found): void {
    const ended = this.#ends.get(begun.request);
    // Its end tells of the beginning too, and stands for the call.
    if (begun.kind === 'intent' && (ended?.kind === 'refusal' || (ended?.kind === 'outcome' && ended.merged))) return;
    const latest = begun.kind === 'intent' ? (this.#latest.get(begun.request) ?? begun) : begun;
    const item = lineOf({ at, begun: latest, ended: ended?.kind === 'refusal' ? undefined : ended });
    if (this.#fits(item, decisionOf(begun))) this.#calls.push(item);
  }

  /** Looks further ahead until each of these calls has its end, or there is nothing more to look at. */
  #settle(found: readonly Found[]): void {
    const open = new Set(found.map(({ begun }) => begun.request).filter((request) => !this.#ends.has(request)));
    while (open.size > 0) {
      const { done, value: rows } = this.#ahead.next();
      if (done) return;
      for (const row of rows) this.#takeAhead(row, open);
    }
  }

  #takeAhead(row: LogRow, open: Set<string>): void {
    const body = isAttempt(row) ? undefined : bodyOf(row);
    switch (body?.kind) {
      case 'intent':
        // Oldest first here: the last one counts.
        this.#latest.set(body.request, body);
        return;
      case 'refusal':
      case 'outcome':
      case 'orphan':
        this.#ends.set(body.request, body);
        open.delete(body.request);
    }
  }

  /** From this page's beginning on. A page without a place begins at the end of the log. */
  *#rowsAhead(): Generator<readonly LogRow[]> {
    const before = this.#before;
    if (before === undefined) return;
    let left = MOST_AHEAD;
    for (const file of this.#files) {
      if (file.created < before.created) continue;
      let from = file.created === before.created ? before.seq : 1;
      while (left > 0) {
        const rows = readLogFile(file, (open) => {
          from = Math.max(from, open.first);
          return from > open.last ? undefined : open.rows(from, Math.min(from + PIECE - 1, open.last));
        });
        if (rows === undefined) break;
        from += PIECE;
        left -= PIECE;
        yield rows;
      }
    }
  }
}

function decisionOf(begun: Begun): string | undefined {
  return begun.kind === 'outcome' ? begun.merged?.decision : begun.decision;
}

/** Text is sought in what a person sees of the call, and in its ids. */
function filterOf({ text, decision }: CallsQuery): (item: ActivityItem, decisionId: string | undefined) => boolean {
  const sought = text?.toLowerCase();
  return (item, decisionId) => {
    if (decision !== undefined && item.decision !== decision) return false;
    if (sought === undefined) return true;
    const { id, app, provider, model, sent_model, error } = item;
    return [id, decisionId, app, provider, model, sent_model, error].some((part) =>
      part?.toLowerCase().includes(sought),
    );
  };
}
