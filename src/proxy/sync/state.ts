// SPDX-License-Identifier: Apache-2.0
// All that sync knows of this device, as one value, and the part of it that outlives the process (`state.json`). What lies on disk is
// parsed as hostile. Pure.

import { hasMembers, isText, isWhole, type MemberTests } from '../../contract/members.ts';
import type { PolicyError, Settings } from '../policy/policy.ts';
import type { Awaited } from './awaited.ts';
import type { FreshFacts } from './check/messages.ts';
import { type Floors, fromPersisted as floorsFrom, NO_FLOORS, toPersisted as writtenFloors } from './floors.ts';
import {
  type Reading,
  startTime,
  type TrustedTime,
  fromPersisted as timeFrom,
  toPersisted as writtenTime,
} from './trusted-time.ts';
import type { Override, View } from './view.ts';

/** A version of the policy that rules. */
export interface Active {
  readonly version: number;
  readonly sha256: string;
  /** Wall time of its activation. */
  readonly since: number;
  /** Number of the secrets that it was compiled with; 0: none. */
  readonly secrets: number;
  readonly organisation: Settings['organisation'];
}

/** An object that was offered and does not hold. */
export interface Refused {
  /** 0: a freshness document. */
  readonly version: number;
  /** Of the bundle, or of the document's text. */
  readonly sha256: string;
  /** Number of the secrets that went with it. */
  readonly secrets: number;
  /** Trusted time. */
  readonly at: number;
  readonly faults: readonly PolicyError[];
}

export interface Revoked {
  /** Trusted time. */
  readonly since: number;
  readonly action: 'block' | 'pass';
}

export interface SyncState {
  readonly ring: string;
  readonly time: TrustedTime;
  readonly floors: Floors;
  /** The newest that was accepted. */
  readonly document: FreshFacts | undefined;
  readonly active: Active | undefined;
  readonly refusedBundle: Refused | undefined;
  readonly refusedDocument: Refused | undefined;
  readonly revoked: Revoked | undefined;
  /** The server knows the device's key no more. */
  readonly reenroll: boolean;
  readonly user: { readonly name: string; readonly until: number } | undefined;
  readonly override: Override | undefined;
  /** Ids of override codes that were taken. */
  readonly usedCodes: readonly string[];
  /** Trusted times of codes that were tried. */
  readonly codeTries: readonly number[];
  /** Trusted time of the last answer to a look at the freshness document. */
  readonly contact: number | undefined;
  /** Rounds that failed, one after the other. */
  readonly failures: number;
  readonly round: 'idle' | 'running';
  /** While a round runs: look again so many milliseconds after it. */
  readonly again: number | undefined;
  /** The newest document that the server spoke of. */
  readonly awaited: Awaited | undefined;
  /** By the monotonic clock; undefined: none is planned. */
  readonly nextPoll: number | undefined;
  readonly report: 'idle' | 'sending';
  /** By the monotonic clock. */
  readonly nextReport: number | undefined;
  readonly reportFailures: number;
  /** By the monotonic clock: when it was last written. */
  readonly savedAt: number;
  /** What followed at the last step. */
  readonly view: View;
}

interface Persisted {
  readonly v: 1;
  readonly org: string;
  readonly device: string;
  /** Version of the program: another one may understand what this one refused. */
  readonly agent: string;
  readonly ring: string;
  readonly floors: unknown;
  readonly time: unknown;
  readonly refused: Refused | null;
  readonly revoked: Revoked | null;
  readonly reenroll: boolean;
  readonly override: Override | null;
  readonly usedCodes: readonly string[];
  readonly codeTries: readonly number[];
}

/** More codes than can be right at once, by far. */
const MOST_CODES = 256;

const isTime = (value: unknown): value is number => isWhole(value, 0);
const isShort = (value: unknown): value is string => isText(value) && value.length <= 1024;

const FAULT: MemberTests<PolicyError> = { message: isShort, line: isTime, column: isTime, at: isShort };
const REFUSED: MemberTests<Refused> = {
  version: isTime,
  sha256: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value),
  secrets: isTime,
  at: isTime,
  faults: (value) => Array.isArray(value) && value.length <= 20 && value.every((each) => hasMembers(each, FAULT)),
};
const REVOKED: MemberTests<Revoked> = { since: isTime, action: (value) => value === 'block' || value === 'pass' };
const OVERRIDE: MemberTests<Override> = { id: isShort, since: isTime, until: isTime };

const PERSISTED: MemberTests<Persisted> = {
  v: (value) => value === 1,
  org: isShort,
  device: isShort,
  agent: isShort,
  ring: (value) => isText(value) && /^[a-z0-9-]{1,32}$/.test(value),
  floors: (value) => floorsFrom(value) !== undefined,
  time: (value) => value !== undefined,
  refused: (value) => value === null || hasMembers(value, REFUSED),
  revoked: (value) => value === null || hasMembers(value, REVOKED),
  reenroll: (value) => typeof value === 'boolean',
  override: (value) => value === null || hasMembers(value, OVERRIDE),
  usedCodes: (value) => Array.isArray(value) && value.length <= MOST_CODES && value.every(isShort),
  codeTries: (value) => Array.isArray(value) && value.length <= MOST_CODES && value.every(isTime),
};

/** What outlives the process. */
export type Kept = Pick<
  SyncState,
  'ring' | 'time' | 'floors' | 'refusedBundle' | 'revoked' | 'reenroll' | 'override' | 'usedCodes' | 'codeTries'
>;

/** Whose state it is, and which version of the program writes it. */
export interface Owner {
  readonly org: string;
  readonly device: string;
  readonly agent: string;
}

export function writeState(state: Kept, { org, device, agent }: Owner, reading: Reading): string {
  const { ring, floors, time, refusedBundle, revoked, reenroll, override, usedCodes, codeTries } = state;
  const written: Persisted = {
    v: 1,
    org,
    device,
    agent,
    ring,
    floors: writtenFloors(floors),
    time: writtenTime(time, reading),
    refused: refusedBundle ?? null,
    revoked: revoked ?? null,
    reenroll,
    override: override ?? null,
    usedCodes: usedCodes.slice(-MOST_CODES),
    codeTries: codeTries.slice(-MOST_CODES),
  };
  return JSON.stringify(written);
}

export interface StateOrigin extends Owner {
  /** The ring at enrolment. */
  readonly ring: string;
  readonly reading: Reading;
  /** Time is not before this: the build. */
  readonly earliest: number;
}

/** @param value parsed JSON; undefined: there is no file. Another device's, or a damaged one, is as good as none. */
export function readState(value: unknown, origin: StateOrigin): { readonly kept: Kept; readonly damaged: boolean } {
  const { org, device, agent, ring, reading, earliest } = origin;
  const none: Kept = {
    ring,
    time: startTime(reading, earliest),
    floors: NO_FLOORS,
    refusedBundle: undefined,
    revoked: undefined,
    reenroll: false,
    override: undefined,
    usedCodes: [],
    codeTries: [],
  };
  if (value === undefined) return { kept: none, damaged: false };
  if (!hasMembers<Persisted>(value, PERSISTED)) return { kept: none, damaged: true };
  if (value.org !== org) return { kept: none, damaged: false };
  const floors = floorsFrom(value.floors) ?? NO_FLOORS;
  const time = timeFrom(value.time, reading, earliest);
  // Versions of the organisation hold for whatever device this is; the rest is of the one that it was.
  if (value.device !== device) return { kept: { ...none, floors, time: time ?? none.time }, damaged: false };
  return {
    damaged: time === undefined,
    kept: {
      ring: value.ring,
      time: time ?? none.time,
      floors,
      refusedBundle: value.agent === agent ? (value.refused ?? undefined) : undefined,
      revoked: value.revoked ?? undefined,
      reenroll: value.reenroll,
      override: value.override ?? undefined,
      usedCodes: value.usedCodes,
      codeTries: value.codeTries,
    },
  };
}
