// SPDX-License-Identifier: Apache-2.0
// What the daemon's thread and the writer thread tell each other. Types only. Messages stay within one process of one version,
// so they are not parsed.

import type { AuditRow } from '../../contract/audit-row.ts';
import type { LogFields } from '../../contract/log.ts';
import type { AuditLevel, OnAuditFull } from './audit-log.ts';

export interface AuditSettings {
  readonly level: AuditLevel;
  readonly onFull: OnAuditFull;
  /** All queue files together may have this many bytes; less where the disk has little free space. */
  readonly capBytes: number;
  /** Files whose newest row is older than this many days are removed. Undefined: 90. */
  readonly retentionDays?: number | undefined;
  /**
   * In an organisation: the oldest epoch that is not wholly uploaded, which stays with all behind it, however old. One that has no file
   * (also '') keeps all: what is uploaded is not known yet. The size cap asks nobody.
   */
  readonly unsentFrom?: string | undefined;
}

/** What a writer is started with. */
export interface WriterData {
  readonly dir: string;
  /** Random number of this process: tells its rows from those of earlier ones. */
  readonly run: number;
  readonly settings: AuditSettings;
  /** A file is rotated at this size. */
  readonly fileBytes: number;
  readonly ballastBytes: number;
  /** Rows that were lost while there was no writer. */
  readonly lost: number;
}

/** A row on its way to the writer. Tickets rise by one; with `run` they tell whether a re-sent row is already stored. */
export interface PostedRow {
  readonly ticket: number;
  readonly at: number;
  readonly body: string;
  /** Request id, if this row is an intent. */
  readonly opens?: string | undefined;
  /** Request id, if this row says how an intent ended. */
  readonly closes?: string | undefined;
}

export interface WriterStatus {
  /** `cap`: our own limit is reached. `disk`: the file system is full. */
  readonly mode: 'open' | 'cap' | 'disk';
  readonly epoch: string;
  /** Highest seq of the epoch. */
  readonly seq: number;
  /** Highest seq of the epoch that survives a loss of power. */
  readonly watermark: number;
  /** Of all queue files, without write-ahead log and damaged files. */
  readonly bytes: number;
  readonly capBytes: number;
}

export type ToWriter =
  | { readonly type: 'rows'; readonly rows: readonly PostedRow[] }
  | { readonly type: 'settings'; readonly settings: AuditSettings }
  /** Rows that never reached the writer: its queue was full while the disk did not answer. */
  | { readonly type: 'stalled'; readonly count: number }
  | { readonly type: 'recent'; readonly id: number; readonly limit: number }
  | { readonly type: 'close' };

export type FromWriter =
  | { readonly type: 'ready'; readonly status: WriterStatus }
  | { readonly type: 'locked'; readonly message: string }
  /** Committed, as durable as the level asks. `through`: the highest ticket that is settled with it. */
  | {
      readonly type: 'stored';
      /** Rows that this speaks of. They are not sent back: whoever handed them in still has them. */
      readonly count: number;
      readonly through: number;
      readonly status: WriterStatus;
    }
  /** There was no room. */
  | { readonly type: 'dropped'; readonly through: number }
  | { readonly type: 'status'; readonly status: WriterStatus }
  | { readonly type: 'recent'; readonly id: number; readonly rows: readonly AuditRow[] }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: LogFields;
    }
  | { readonly type: 'closed' };
