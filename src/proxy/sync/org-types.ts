// SPDX-License-Identifier: Apache-2.0
// What the daemon hands to the organisation's side of a device, and what it gets. Types only.

import type { KeyObject } from 'node:crypto';
import type { EventBody } from '../../contract/audit-row.ts';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { Environment } from '../policy/keys.ts';
import type { PolicyStore } from '../policy/policy.ts';
import type { Random } from './backoff.ts';
import type { Checks } from './check/ask.ts';
import type { FilePort } from './files.ts';
import type { Detail } from './machine.ts';
import type { Surroundings } from './report.ts';
import type { OrgCondition, OrgStatus } from './status.ts';
import type { Management } from './view.ts';

/** What the server made of this device (`enrolment.json`). */
export interface EnrolledAs {
  readonly url: string;
  readonly org: string;
  readonly device: string;
  /** At the time of enrolment. */
  readonly ring: string;
  /** Fingerprint of the pinned root. */
  readonly root: string;
}

/** The device's keys, as they are now. */
export interface OrgKeys {
  /** Thumbprint of the signing key's public half. */
  readonly kid: string;
  /** Ed25519, private. */
  readonly sign: KeyObject;
  /** X25519, private: the one in use first, then older ones that secrets at hand may be sealed to. */
  readonly seal: readonly KeyObject[];
}

export interface OrganisationOptions {
  /** The daemon's; the organisation's files are in `org` below it. */
  readonly dataDir: string;
  readonly enrolment: EnrolledAs;
  /** Asked before each use: keys are rotated. undefined: they cannot be had; what is on the disk rules, without its secrets, and nothing is asked. */
  readonly keys: () => OrgKeys | undefined;
  readonly management: Management;
  /** PEM texts: all that is trusted for the control plane. Our own authority is none of them, though the system may trust it. */
  readonly roots: () => Promise<readonly string[]>;
  /** For status reports; asked before each. */
  readonly surroundings: () => Surroundings;
  readonly env: Environment;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /** A row for the audit log. */
  readonly onEvent: (event: EventBody['event'], detail: Detail) => void;
  /** What people should be told, whenever that changes. */
  readonly onConditions: (conditions: readonly OrgCondition[]) => void;
  /** Milliseconds since the Unix epoch; a server from before is not believed. Default: that of this program. */
  readonly buildDate?: number;
  readonly files?: FilePort;
  readonly checks?: Checks;
}

export type OverrideResult =
  | { readonly ok: true; readonly id: string /** Trusted time. */; readonly until: number }
  | { readonly ok: false; readonly why: 'not-allowed' | 'no-key' | 'too-many' | 'wrong' };

export interface Organisation {
  readonly store: PolicyStore;
  status(): OrgStatus;
  /** Calls back when something that `status` shows has changed. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  /** What people should be told now. */
  conditions(): readonly OrgCondition[];
  /** Milliseconds since the Unix epoch, as far as the control plane has told. */
  trustedNow(): number;
  /** How requests are dated now, for others that sign: what is added to the wall clock, in milliseconds. */
  readonly clockDeltaMs: number;
  /** Somebody else was told the server's time. */
  clockTold(serverNow: number): void;
  /** Somebody else was refused with these words of the protocol. */
  refused(why: 'revoked' | 'reenroll'): void;
  /** Looks now. Resolves when that look has ended, however. `reached`: the control plane was heard in it. */
  syncNow(): Promise<OrgStatus & { readonly reached: boolean }>;
  /** A code that an administrator has read out. */
  override(code: string): OverrideResult;
  /** The machine slept, or came back to a network. */
  woke(): void;
  close(): Promise<void>;
}
