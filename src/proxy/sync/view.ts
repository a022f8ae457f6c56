// SPDX-License-Identifier: Apache-2.0
// What follows on this device, at one moment, from all that sync knows: the phase, the orders in force, the override, and with them what
// lies over the policy. Pure.

import { assertNever } from '../../contract/assert-never.ts';
import type { ManagedSettings } from '../../contract/sync/managed.ts';
import type { Conditions, Gate } from '../policy/overlay.ts';
import type { TimedOrder } from './check/messages.ts';
import { judge, type Older } from './floors.ts';
import { type Freshness, freshnessOf } from './freshness.ts';
import type { SyncState } from './state.ts';
import { provenNow, type Reading, trustedNow } from './trusted-time.ts';

const DAY_MS = 86_400_000;
/** The clocks are looked at this often at least; what nobody saw leaves no mark. Milliseconds. */
const LOOK_MS = 60_000;

/** What device management says, and no server may loosen. */
export interface Management {
  readonly beforeFirstPolicy: 'pass' | 'block';
  readonly floors: NonNullable<ManagedSettings['floors']>;
}

/** `waiting`: nothing was activated yet. */
export type Phase = 'waiting' | 'fresh' | 'stale' | 'expired' | 'revoked';

export interface Override {
  readonly id: string;
  readonly since: number;
  /** Trusted time. */
  readonly until: number;
}

export interface View {
  readonly phase: Phase;
  readonly freshness: Freshness;
  /** In force, and not forbidden by device management. */
  readonly orders: readonly TimedOrder[];
  readonly override: Override | undefined;
  /** What came back from an old copy of the disk: it rules for want of another, and does not count as fresh. */
  readonly older: Older | undefined;
}

/** What a view is made from. */
type Facts = Omit<SyncState, 'view'>;

export function viewOf(state: Facts, management: Management, reading: Reading): View {
  const now = trustedNow(state.time, reading);
  const { document, override } = state;
  const older = olderOf(state);
  const graceMs = (state.active?.organisation.graceDays ?? 0) * DAY_MS;
  const { failedAt } = state.time;
  const timely = freshnessOf({ trustedNow: now, expires: document?.expires, graceMs, failedAt });
  const freshness: Freshness =
    older !== undefined && document !== undefined && timely.state === 'fresh'
      ? { state: 'stale', since: document.issued, until: timely.until + graceMs }
      : timely;
  return {
    phase: phaseOf(state, freshness),
    freshness,
    orders: (document?.orders ?? []).filter((order) => {
      // One that was taken back since may be in an old copy.
      const isForbidden = loosens(order) && (management.floors.no_bypass === true || older !== undefined);
      return !isForbidden && left(order, state, reading) > 0;
    }),
    override:
      override === undefined || override.until <= now || management.floors.no_override === true ? undefined : override,
    older,
  };
}

function olderOf({ floors, document, active }: Facts): Older | undefined {
  return judge(floors, {
    root: document?.root,
    bundle: active?.version,
    fresh: document === undefined ? undefined : { ring: document.ring, seq: document.seq },
  });
}

function loosens({ level }: TimedOrder): boolean {
  return level === 'bypass';
}

/** Milliseconds until the order ends. What the wall clock alone says ends no order that forbids, and lengthens none that loosens. */
function left(order: TimedOrder, { time }: Facts, reading: Reading): number {
  return order.until - (loosens(order) ? trustedNow(time, reading) : provenNow(time, reading));
}

function phaseOf({ active, revoked }: Facts, freshness: Freshness): Phase {
  if (revoked !== undefined) return 'revoked';
  // A policy without a document cannot be: it came with one.
  return active === undefined || freshness.state === 'none' ? 'waiting' : freshness.state;
}

export function conditionsOf(state: SyncState, view: View, management: Management): Conditions {
  return { orders: view.orders, gate: gateOf(state, view, management) };
}

function gateOf({ active, revoked }: SyncState, { phase, override }: View, management: Management): Gate | undefined {
  if (revoked !== undefined) {
    return revoked.action === 'pass'
      ? { kind: 'pass', rule: 'revoked' }
      : { kind: 'block', rule: 'revoked', code: 'OUT_DEVICE_REVOKED' };
  }
  if (override !== undefined) return { kind: 'pass', rule: `override:${override.id}` };
  if (phase === 'waiting') {
    return management.beforeFirstPolicy === 'pass'
      ? { kind: 'pass', rule: 'no-policy' }
      : { kind: 'block', rule: 'no-policy', code: 'OUT_NO_POLICY' };
  }
  if (phase !== 'expired' || active === undefined) return undefined;
  switch (active.organisation.onExpired) {
    case 'enforce':
      return undefined;
    case 'metadata-only':
      return { kind: 'pass', rule: 'expired' };
    case 'block':
      return { kind: 'block', rule: 'expired', code: 'OUT_POLICY_EXPIRED' };
    default:
      return assertNever(active.organisation.onExpired);
  }
}

/** Milliseconds until something of the view ends or begins by itself, or the clocks should be looked at. */
export function nextLook(state: SyncState, view: View, reading: Reading): number {
  const now = trustedNow(state.time, reading);
  const { freshness } = view;
  const ends = [
    view.override?.until,
    freshness.state === 'fresh' || freshness.state === 'stale' ? freshness.until : undefined,
  ].map((end) => (end === undefined ? LOOK_MS : end - now));
  return Math.max(Math.min(LOOK_MS, ...ends, ...view.orders.map((order) => left(order, state, reading))), 0);
}
