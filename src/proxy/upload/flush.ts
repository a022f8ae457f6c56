// SPDX-License-Identifier: Apache-2.0
// When rows are sent: soon after the first, at once when many or urgent, later after a failure. Pure: times are handed in, and which
// rows there are. All times are of the monotonic clock, in milliseconds.

import type { RowBody } from '../../contract/audit-row.ts';
import { type Random, RECONNECT_MS, retryDelay } from '../sync/backoff.ts';

export interface FlushRules {
  /** The first unsent row waits at most so long; the time is drawn, so that a fleet does not send at once. */
  readonly flushSeconds: number;
  /** So many rows do not wait. */
  readonly flushRows: number;
}

/** A storm of refusals is sent in batches: a run begins at least this long after the one before. */
const APART_MS = 2000;

export interface Flush {
  /** Rows that came since the last run began. */
  readonly rows: number;
  /** When a run is wanted; undefined: there is nothing to send. */
  readonly wanted: number | undefined;
  /** When the last run began. */
  readonly began: number;
  /** After a failure: no run before this. */
  readonly held: number;
  /** The server itself named that time. */
  readonly ordered: boolean;
  /** Runs that failed, one after the other. */
  readonly failures: number;
}

export const IDLE: Flush = {
  rows: 0,
  wanted: undefined,
  began: Number.NEGATIVE_INFINITY,
  held: Number.NEGATIVE_INFINITY,
  ordered: false,
  failures: 0,
};

/** Rows of which somebody at the control plane should know at once. */
export function isUrgent(body: RowBody): boolean {
  return body.kind === 'refusal' || (body.kind === 'event' && URGENT_EVENTS.has(body.event));
}

const URGENT_EVENTS: ReadonlySet<string> = new Set([
  'order',
  'order-ended',
  'override',
  'override-ended',
  'override-refused',
  'rolled-back',
]);

/** There are rows to send: so many more, or, for 0, nobody knows how many. */
export function rowsCame(flush: Flush, count: number, now: number, rules: FlushRules, random: Random): Flush {
  const rows = flush.rows + count;
  const wanted = flush.wanted ?? now + random() * rules.flushSeconds * 1000;
  return rows < rules.flushRows ? { ...flush, rows, wanted } : atOnce({ ...flush, rows, wanted }, now);
}

/** An urgent row can be sent now. */
export function atOnce(flush: Flush, now: number): Flush {
  return { ...flush, wanted: Math.min(flush.wanted ?? now, Math.max(now, flush.began + APART_MS)) };
}

/** The machine wakes up, changes its network, or is about to stop: try now, unless the server has asked for patience. */
export function hinted(flush: Flush, now: number): Flush {
  return { ...flush, wanted: now, held: flush.ordered ? flush.held : now };
}

/** @param left rows that this run cannot send yet */
export function runBegan(flush: Flush, left: number, now: number, rules: FlushRules, random: Random): Flush {
  const begun = { ...flush, rows: 0, wanted: undefined, began: now };
  return left === 0 ? begun : rowsCame(begun, left, now, rules, random);
}

export function runSucceeded(flush: Flush): Flush {
  return { ...flush, held: IDLE.held, ordered: false, failures: 0 };
}

/**
 * A server that was away would meet the whole fleet at once: nobody is in haste, the rows are safe on the disk.
 * @param asked milliseconds that the server asked for
 */
export function runFailed(flush: Flush, asked: number | undefined, now: number, random: Random): Flush {
  return {
    ...flush,
    wanted: now,
    held: now + (asked ?? retryDelay(flush.failures, random, RECONNECT_MS)),
    ordered: asked !== undefined,
    failures: flush.failures + 1,
  };
}

/** When the next run begins; undefined: when there are rows. */
export function runsAt({ wanted, held }: Flush): number | undefined {
  return wanted === undefined ? undefined : Math.max(wanted, held);
}
