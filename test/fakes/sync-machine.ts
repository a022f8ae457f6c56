// SPDX-License-Identifier: Apache-2.0
// A device as the sync machine sees it: its state, its clocks that agree, and what the last step asked for. No files, no network.

import { DEFAULTS } from '../../src/proxy/policy/settings.ts';
import type { FreshFacts } from '../../src/proxy/sync/check/messages.ts';
import { NO_FLOORS } from '../../src/proxy/sync/floors.ts';
import { begin, type Effect, type Step, type SyncEvent, step } from '../../src/proxy/sync/machine.ts';
import type { Active, Kept, SyncState } from '../../src/proxy/sync/state.ts';
import { startTime } from '../../src/proxy/sync/trusted-time.ts';
import type { Management } from '../../src/proxy/sync/view.ts';

export const T0 = Date.UTC(2030, 0, 1);
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const BUILD = Date.UTC(2026, 0, 1);
export const SHA = 'a'.repeat(64);

export const ORGANISATION = DEFAULTS.organisation;
export const ACTIVE: Active = { version: 3, sha256: SHA, since: T0, secrets: 2, organisation: ORGANISATION };

export function facts(change: Partial<FreshFacts> = {}): FreshFacts {
  return {
    ring: 'r100',
    seq: 10,
    issued: T0,
    expires: T0 + DAY,
    root: 1,
    rootExpires: T0 + 1000 * DAY,
    bundle: { version: 3, sha256: SHA, bytes: 100 },
    secrets: 2,
    orders: [],
    nextPollMs: 60_000,
    minAgent: undefined,
    revoked: false,
    rotated: { policy: false, freshness: false },
    ...change,
  };
}

/** A device whose clocks agree and whose chance is always the middle. */
export class Device {
  at = 0;
  random = 0.5;
  management: Management = { beforeFirstPolicy: 'pass', floors: {} };
  state: SyncState;
  /** Of the last step. */
  effects: readonly Effect[];

  constructor(change: { document?: FreshFacts; active?: Active; kept?: Partial<Kept>; management?: Management } = {}) {
    if (change.management !== undefined) this.management = change.management;
    const kept: Kept = {
      ring: 'r100',
      time: startTime(this.reading, BUILD),
      floors: NO_FLOORS,
      refusedBundle: undefined,
      revoked: undefined,
      reenroll: false,
      override: undefined,
      usedCodes: [],
      codeTries: [],
      ...change.kept,
    };
    const made = begin({ kept, document: change.document, active: change.active }, this.context);
    this.state = made.state;
    this.effects = made.effects;
  }

  get reading() {
    return { monotonic: this.at, wall: T0 + this.at };
  }

  get context() {
    return { reading: this.reading, random: () => this.random, management: this.management, buildDate: BUILD };
  }

  do(event: SyncEvent): Step {
    const made = step(this.state, event, this.context);
    this.state = made.state;
    this.effects = made.effects;
    return made;
  }

  /** Time passes, and is looked at. */
  pass(ms: number): void {
    this.at += ms;
    this.do({ kind: 'look' });
  }

  /** A round in which the document is what it was, or that fails. */
  round(failure?: { why: string; retryAfterMs?: number; contact?: boolean }): void {
    this.do({ kind: 'poll-due' });
    if (failure === undefined) this.do({ kind: 'unchanged' });
    this.do({ kind: 'round-ended', failure });
  }

  /** Effects but for the looks at the clock, in short. */
  said(): readonly string[] {
    return this.effects.flatMap((effect) => {
      switch (effect.kind) {
        case 'look-in':
          return [];
        case 'poll-in':
        case 'report-in':
          return [`${effect.kind} ${Math.round(effect.ms)}`];
        case 'event':
          return [`${effect.event} ${JSON.stringify(effect.detail)}`];
        default:
          return [effect.kind];
      }
    });
  }
}

/** Enrolled, fresh, and idle. */
export const fresh = (change: Partial<FreshFacts> = {}): Device =>
  new Device({ document: facts(change), active: ACTIVE });
