// SPDX-License-Identifier: Apache-2.0
// What every part of the control plane is handed: the doors to database, keys, time, chance, nudges and log. Types only.

import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { Signer } from '../protocol/signed-object.ts';
import type { Db } from './db/open.ts';

export type KeyRole = 'root' | 'policy' | 'freshness' | 'receipt';

/** Private keys of the organisations, and the master key that encrypts what lies in the database. */
export interface Keys {
  /** Keys of a role that are here; a role whose keys are kept offline has none. */
  signers(org: string, role: KeyRole): readonly Signer[];
  /** AES-256-GCM under the master key; `bound` says what the value is for and must be the same at decryption. */
  encrypt(plain: Uint8Array, bound: string): Buffer;
  /** Throws when it was altered or is bound to something else. */
  decrypt(sealed: Uint8Array, bound: string): Buffer;
}

/** Something that connected devices should look at. */
export interface NudgeEvent {
  readonly org: string;
  /** undefined: all rings. */
  readonly ring?: string | undefined;
  /** undefined: all devices. */
  readonly device?: string | undefined;
  readonly seq: number;
  readonly spread_s: number;
}

/** Reaches the streams of all processes. */
export interface Events {
  publish(event: NudgeEvent): Promise<void>;
  /** Returns the unsubscribe. */
  subscribe(listener: (event: NudgeEvent) => void): () => void;
  close(): Promise<void>;
}

export interface Context {
  readonly db: Db;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly random: (bytes: number) => Buffer;
}
