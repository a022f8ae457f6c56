// SPDX-License-Identifier: Apache-2.0
// The warnings that only the tray can give: the daemon is down, it was started again by the tray, a window failed. Pure.

import { healthItemOf, WARNINGS } from '../contract/health.ts';
import type { AgentState, HealthItem } from '../contract/local-api.ts';

export interface OwnTroubles {
  /** It does not answer, for long enough to say so. `since`: wall time, as all here. */
  readonly down: { readonly since: number; readonly reason: string } | undefined;
  /** Unexpected ends of the tray's own child, and the last of them. */
  readonly restarts: { readonly at: number; readonly times: number } | undefined;
  readonly window: { readonly at: number; readonly reason: string } | undefined;
}

export const NO_TROUBLES: OwnTroubles = { down: undefined, restarts: undefined, window: undefined };

/** How long the daemon may be gone before anybody is told, so that an update does not flicker. Milliseconds. */
export const DOWN_VISIBLE_MS = WARNINGS['daemon-down'].timeToVisible;

export function ownWarnings({ down, restarts, window }: OwnTroubles): readonly HealthItem[] {
  const items: HealthItem[] = [];
  if (down !== undefined) items.push(healthItemOf({ code: 'daemon-down', args: { reason: down.reason } }, down.since));
  if (window !== undefined)
    items.push(healthItemOf({ code: 'window-failed', args: { reason: window.reason } }, window.at));
  // While it is down, that says it all.
  if (restarts !== undefined && down === undefined)
    items.push(healthItemOf({ code: 'daemon-restarted', args: restarts }, restarts.at));
  return items;
}

/** The most that a state may hold. */
const MOST = 100;

/** The tray's own in front; what the daemon says itself is not said twice. */
export function withOwn(state: AgentState, own: readonly HealthItem[]): AgentState {
  const codes = new Set(state.health.map(({ code }) => code));
  const added = own.filter(({ code }) => !codes.has(code));
  return added.length === 0 ? state : { ...state, health: [...added, ...state.health].slice(0, MOST) };
}
