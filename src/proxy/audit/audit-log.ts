// SPDX-License-Identifier: Apache-2.0
// What the rest of the daemon sees of the audit room. Types only.

import type {
  AttemptBody,
  AuditRow,
  EventBody,
  IntentBody,
  OutcomeBody,
  RefusalBody,
} from '../../contract/audit-row.ts';

export type AuditLevel = 'strict' | 'standard' | 'relaxed';
export type OnAuditFull = 'degrade' | 'block' | 'drop-oldest';

/** `go`: the request may leave. `late`: it may, but the row was not yet durable at the deadline. `refuse`: it may not. */
export type IntentReceipt = 'go' | 'late' | 'refuse';

/** A durable row without its place in the chain. */
export type StoredBody = Pick<AuditRow, 'at' | 'body'>;

export interface AuditStats {
  readonly state: 'healthy' | 'degraded' | 'full' | 'down';
  /** Why, in words for the operator; undefined when healthy. */
  readonly reason: string | undefined;
  readonly level: AuditLevel;
  readonly epoch: string;
  /** Highest seq that was given in this epoch. */
  readonly seq: number;
  /** Highest durable seq of this epoch. */
  readonly watermark: number;
  readonly pending: number;
  readonly bytes: number;
  readonly capBytes: number;
  readonly dropped: number;
}

export interface AuditLog {
  /** Resolves as the level demands; never rejects. */
  intent(row: IntentBody): Promise<IntentReceipt>;
  /** One row says it all: nothing was sent. Resolves when handed to the writer. */
  refusal(row: RefusalBody): void;
  /** A try that has ended; the call's outcome follows. */
  attempt(row: AttemptBody): void;
  outcome(row: OutcomeBody): void;
  event(row: EventBody): void;
  stats(): AuditStats;
  /** Calls back with each row that was handed in, once it is durable, oldest first. Returns the unsubscribe. */
  onRow(listener: (row: StoredBody) => void): () => void;
  onStats(listener: (stats: AuditStats) => void): () => void;
  /** Newest first, for the status page; at most `limit` rows, and 1,000. Only durable rows. Empty when there is no writer. */
  recent(limit: number): Promise<readonly AuditRow[]>;
  /** Drains, commits, checkpoints, closes. */
  close(): Promise<void>;
}

/** What a look at the newest end of the log on disk found. Works beside a running daemon and without one. */
export type AuditTailCheck =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'intact';
      readonly epoch: string;
      readonly seq: number;
      readonly verified: number;
      readonly newestAt: number | undefined;
    }
  | { readonly kind: 'broken'; readonly epoch: string; readonly seq: number; readonly reason: string }
  | { readonly kind: 'unreadable'; readonly reason: string };
