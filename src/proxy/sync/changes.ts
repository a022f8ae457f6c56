// SPDX-License-Identifier: Apache-2.0
// What between two states is worth a row in the audit log, a report to the server, or writing down. Pure.

import type { Detail, Effect } from './machine.ts';
import type { SyncState } from './state.ts';

export interface Changes {
  readonly effects: readonly Effect[];
  readonly reportable: boolean;
  readonly persistent: boolean;
}

export function changesOf(before: SyncState, after: SyncState): Changes {
  const events = eventsBetween(before, after);
  const reportable = reportKey(before) !== reportKey(after);
  const shown = reportable || events.length > 0 || before.document !== after.document || before.user !== after.user;
  return {
    effects: shown ? [...events, { kind: 'changed' }] : events,
    reportable,
    persistent: KEPT.some((name) => before[name] !== after[name]),
  };
}

/** Time is left out: it changes always, and is written now and then. */
const KEPT = [
  'ring',
  'floors',
  'refusedBundle',
  'revoked',
  'reenroll',
  'override',
  'usedCodes',
  'codeTries',
] as const satisfies readonly (keyof SyncState)[];

/** What a status report says, but for counters and times that change always. */
function reportKey({
  active,
  view,
  refusedBundle,
  refusedDocument,
  ring,
  floors,
  revoked,
  reenroll,
}: SyncState): string {
  return JSON.stringify([
    active?.sha256,
    active?.secrets,
    view.phase,
    view.orders.map(({ id }) => id),
    view.override?.id,
    refusedBundle?.sha256,
    refusedBundle?.secrets,
    refusedDocument?.sha256,
    ring,
    floors.root,
    revoked?.since,
    reenroll,
  ]);
}

function eventsBetween(before: SyncState, after: SyncState): Effect[] {
  const events: Effect[] = [];
  const say = (event: Extract<Effect, { kind: 'event' }>['event'], detail: Detail): void => {
    events.push({ kind: 'event', event, detail });
  };
  const { view } = after;
  if (before.revoked === undefined && after.revoked !== undefined) say('revoked', { action: after.revoked.action });
  if (before.view.phase !== view.phase && view.phase !== 'revoked') {
    say('freshness', { from: before.view.phase, state: view.phase });
  }
  const was = new Set(before.view.orders.map(({ id }) => id));
  for (const { id, level, target, reason, until } of view.orders) {
    if (!was.delete(id)) say('order', { id, level, ...(target === undefined ? {} : { target }), reason, until });
  }
  for (const id of was) say('order-ended', { id });
  const [old, now] = [before.view.override, view.override];
  if (old !== undefined && old.id !== now?.id) say('override-ended', { id: old.id });
  if (now !== undefined && now.id !== old?.id) say('override', { id: now.id, until: now.until });
  return events;
}
