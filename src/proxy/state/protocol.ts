// SPDX-License-Identifier: Apache-2.0
// What the daemon's thread and the state thread tell each other. Types only; messages stay within one process, so they are not parsed.

export interface StateWorkerData {
  readonly path: string;
  /** 32 bytes: seals the rows. */
  readonly secret: Uint8Array;
  readonly maxRows: number;
  readonly maxBytes: number;
}

export interface PostedState {
  /** Names nothing: an HMAC. */
  readonly key: Uint8Array;
  readonly value: string;
  /** Wall time, milliseconds. */
  readonly expires: number;
}

/** `now`: wall time, milliseconds; the thread has no clock of its own. */
export type ToState =
  | { readonly type: 'put'; readonly now: number; readonly rows: readonly PostedState[] }
  | { readonly type: 'get'; readonly now: number; readonly id: number; readonly keys: readonly Uint8Array[] }
  | { readonly type: 'close' };

export type FromState =
  /** In the order of the keys; undefined: not there. */
  | { readonly type: 'got'; readonly id: number; readonly values: readonly (string | undefined)[] }
  /** Code of SQLite or the system. */
  | { readonly type: 'trouble'; readonly code: string; readonly replaced: boolean };
