// SPDX-License-Identifier: Apache-2.0
// How the organisation's side of this device stands, for the status page, the CLI and warnings. Copies and names; decides nothing.

import type { Clock } from '../../contract/clock.ts';
import type { Kill } from '../../contract/sync/objects.ts';
import type { PolicyError } from '../policy/policy.ts';
import type { Older } from './floors.ts';
import { candidateOf, isOlder } from './report.ts';
import type { SyncState } from './state.ts';
import type { Phase } from './view.ts';

/** All times are wall time, milliseconds since the Unix epoch, unless said otherwise. */
export interface OrgStatus {
  readonly org: string;
  readonly device: string;
  readonly url: string;
  readonly ring: string;
  readonly phase: Phase;
  /** Trusted time until which the phase lasts by itself; undefined: for now, or for good. */
  readonly until: number | undefined;
  /** What rules; undefined: nothing was activated yet. */
  readonly policy: { readonly version: number; readonly sha256: string; readonly since: number } | undefined;
  /** What was offered and does not rule. Version 0: a freshness document. */
  readonly refused:
    | { readonly version: number; readonly sha256: string; readonly errors: readonly PolicyError[] }
    | undefined;
  readonly orders: readonly (Pick<Kill, 'id' | 'level' | 'target' | 'reason'> & { readonly until: number })[];
  readonly override: { readonly id: string; readonly until: number } | undefined;
  readonly root: number;
  readonly freshSeq: number;
  readonly secrets: number;
  /** Trusted time of the last answer in this process. */
  readonly lastContact: number | undefined;
  readonly nextPoll: number | undefined;
  /** Is the stream of nudges open? */
  readonly connected: boolean;
  readonly revoked: boolean;
  readonly reenroll: boolean;
  /** The organisation wants at least this version of Outpost. */
  readonly wantedAgent: string | undefined;
  readonly user: { readonly name: string; readonly until: number } | undefined;
  /** What the server's clock is ahead of this one, as far as it told. */
  readonly clockDeltaMs: number;
}

export interface Identity {
  readonly org: string;
  readonly device: string;
  readonly url: string;
  /** Version of this program. */
  readonly version: string;
}

export function statusOf(state: SyncState, identity: Identity, clock: Clock, connected: boolean): OrgStatus {
  const { org, device, url, version } = identity;
  const { active, document, view, floors, nextPoll } = state;
  const candidate = candidateOf(state);
  const { freshness } = view;
  const lasts = view.phase === 'fresh' || view.phase === 'stale';
  const wanted = document?.minAgent;
  return {
    org,
    device,
    url,
    ring: state.ring,
    phase: view.phase,
    until: lasts && 'until' in freshness ? freshness.until : undefined,
    policy: active === undefined ? undefined : { version: active.version, sha256: active.sha256, since: active.since },
    refused:
      candidate === undefined
        ? undefined
        : { version: candidate.version, sha256: candidate.sha256, errors: candidate.faults },
    orders: view.orders,
    override: view.override === undefined ? undefined : { id: view.override.id, until: view.override.until },
    root: floors.root,
    freshSeq: document?.seq ?? 0,
    secrets: active?.secrets ?? 0,
    lastContact: state.contact,
    nextPoll: nextPoll === undefined ? undefined : Math.round(clock.now() + nextPoll - clock.monotonic()),
    connected,
    revoked: state.revoked !== undefined,
    reenroll: state.reenroll,
    wantedAgent: wanted !== undefined && isOlder(version, wanted) ? wanted : undefined,
    user: state.user,
    clockDeltaMs: state.time.requestDelta,
  };
}

/** Something that people should be told. What it is called in the health catalogue is the wiring's to say. */
export type OrgCondition =
  | { readonly code: 'policy-waiting' }
  /** `since`: trusted time. */
  | { readonly code: 'policy-stale' | 'policy-expired'; readonly since: number }
  /** An old copy of what lies on the disk came back. `what` is at `got`, and was at `floor`. */
  | ({ readonly code: 'policy-rolled-back' } & Older)
  | { readonly code: 'policy-refused'; readonly version: number; readonly error: PolicyError }
  | { readonly code: 'device-revoked' | 'reenrol-needed' }
  | { readonly code: 'agent-outdated'; readonly wanted: string }
  | { readonly code: 'order'; readonly id: string; readonly level: Kill['level']; readonly reason: string }
  | { readonly code: 'override'; readonly until: number };

export function conditionsFor(state: SyncState, status: OrgStatus): readonly OrgCondition[] {
  const all: OrgCondition[] = [];
  const { freshness, older } = state.view;
  if (status.phase === 'waiting') all.push({ code: 'policy-waiting' });
  if (older !== undefined) all.push({ code: 'policy-rolled-back', ...older });
  else if (status.phase === 'stale' && freshness.state === 'stale') {
    all.push({ code: 'policy-stale', since: freshness.since });
  }
  if (status.phase === 'expired' && freshness.state === 'expired') {
    all.push({ code: 'policy-expired', since: freshness.since });
  }
  if (status.revoked) all.push({ code: 'device-revoked' });
  else if (status.reenroll) all.push({ code: 'reenrol-needed' });
  const error = status.refused?.errors[0];
  if (status.refused !== undefined && error !== undefined) {
    all.push({ code: 'policy-refused', version: status.refused.version, error });
  }
  if (status.wantedAgent !== undefined) all.push({ code: 'agent-outdated', wanted: status.wantedAgent });
  for (const { id, level, reason } of status.orders) all.push({ code: 'order', id, level, reason });
  if (status.override !== undefined) all.push({ code: 'override', until: status.override.until });
  return all;
}
