// SPDX-License-Identifier: Apache-2.0
// What the daemon's thread and the upload thread tell each other. Types only. Messages stay within one process of one version, so they
// are not parsed.

import type { KeyObject } from 'node:crypto';
import type { LogFields } from '../../contract/log.ts';

/** Whom to send to, and as whom. */
export interface UploadTarget {
  /** Base URL of the control plane; requests go to `v1/audit` below it. */
  readonly url: string;
  /** The device that the key is of. */
  readonly device: string;
  /** Ed25519, private. */
  readonly key: KeyObject;
  /** Thumbprint of its public half. */
  readonly keyid: string;
  /** PEM texts: all roots that are trusted for `url`. Our own authority is none of them, though the system may trust it. */
  readonly caPems: readonly string[];
  /** What is added to the wall clock in signatures. Milliseconds. */
  readonly deltaMs: number;
}

/** Something that the rest of the daemon should know, log, or act on. Rows are named by epoch and seq. */
export type UploadEvent =
  /** The server refused a signature for its date and told its own time (milliseconds since the Unix epoch, unsigned). */
  | { readonly kind: 'clock'; readonly now: number }
  /** The server knows the key no more, or has revoked the device. Nothing is sent until there is another key. */
  | { readonly kind: 'reenroll' | 'revoked' }
  /** The server has another row with this number. The epoch is not sent any more; others are. */
  | { readonly kind: 'fork'; readonly epoch: string; readonly seq: number }
  /** The server acknowledged what we do not have, or less than it was sent. The epoch is not sent any more; others are. */
  | { readonly kind: 'receipt-mismatch'; readonly epoch: string; readonly seq: number; readonly why: string }
  /** The server refused this row; only its place in the chain was sent. */
  | { readonly kind: 'quarantined'; readonly epoch: string; readonly seq: number }
  /** Nothing of the epoch's file can be read. */
  | { readonly kind: 'unreadable'; readonly epoch: string }
  /** Rows that should have been sent and are gone from the disk; the server was told. */
  | {
      readonly kind: 'lost';
      readonly epoch: string;
      readonly from: number;
      readonly to: number;
      readonly reason: string;
    };

/** What a thread is started with. */
export interface UploadData {
  /** The audit folder. */
  readonly auditDir: string;
  /** Where upload.json is. */
  readonly orgDir: string;
  /** Milliseconds that one request may take altogether. */
  readonly postMs: number;
}

export type ToUpload =
  /** Send what there is, once. */
  | {
      readonly type: 'send';
      readonly target: UploadTarget;
      /** The newest epoch, and its highest row that survives a loss of power. */
      readonly epoch: string;
      readonly watermark: number;
      /** Rows of the first batch. */
      readonly batchRows: number;
      /** Epochs that are not to be sent. */
      readonly stopped: readonly string[];
    }
  /** Answers `clock`: how requests are dated now. */
  | { readonly type: 'delta'; readonly ms: number }
  /** Breaks off and ends. */
  | { readonly type: 'end' };

/** What is not uploaded. */
export interface Backlog {
  readonly rows: number;
  /** As far as it can be told from the size of files. */
  readonly bytes: number;
  /** Device time of the oldest row; undefined: there is none. */
  readonly oldest: number | undefined;
  /** Rows that only their place was sent of, in epochs that are still on the disk. */
  readonly quarantined: number;
  /** The oldest epoch whose file must stay, with all behind it. */
  readonly unsentFrom: string;
}

/** How a run ended. */
export type RunEnd =
  /** All is sent but what is stopped. */
  | { readonly kind: 'done' }
  /** Try again later. */
  | {
      readonly kind: 'failed';
      /** A code, for the log and status. */
      readonly why: string;
      /** What the server asked for. */
      readonly retryAfter?: string | undefined;
    }
  | { readonly kind: 'refused'; readonly why: 'reenroll' | 'revoked' };

export type FromUpload =
  /** `acknowledged`: rows that the server has taken since the last word. */
  | { readonly type: 'progress'; readonly backlog: Backlog; readonly acknowledged: number }
  | { readonly type: 'event'; readonly event: UploadEvent }
  | { readonly type: 'clock'; readonly now: number }
  | { readonly type: 'ended'; readonly end: RunEnd; readonly batchRows: number }
  | { readonly type: 'log'; readonly level: 'info' | 'warn'; readonly event: string; readonly fields: LogFields };
