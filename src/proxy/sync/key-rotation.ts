// SPDX-License-Identifier: Apache-2.0
// What goes with a key that was taken out: whoever stole it may have signed the highest number there is, so what it vouched for holds off
// nothing any more. Pure; must not know how roots are checked.

import type { FreshFacts } from './check/messages.ts';
import { afterRotation, raise } from './floors.ts';
import type { Active, Kept, SyncState } from './state.ts';

/** Has a key of the role been taken out? */
export type Rotated = FreshFacts['rotated'];

const ROLES = ['policy', 'freshness'] as const;

/** After a document that stands on a root without these keys. */
export function withoutOldKeys<T extends Pick<SyncState, 'floors' | 'active' | 'refusedBundle'>>(
  state: T,
  rotated: Rotated,
): T {
  const roles = ROLES.filter((role) => rotated[role]);
  if (roles.length === 0) return state;
  return {
    ...state,
    floors: roles.reduce(afterRotation, state.floors),
    active: rotated.freshness ? withoutSecrets(state.active) : state.active,
    refusedBundle: undefined,
  };
}

/** The envelope it holds was signed by a key that is gone: the next one is another, whatever its number. */
function withoutSecrets(active: Active | undefined): Active | undefined {
  return active === undefined ? undefined : { ...active, secrets: 0 };
}

/** What was restored from the disk. */
export interface Restored {
  readonly kept: Kept;
  readonly document: FreshFacts | undefined;
  readonly active: Active | undefined;
  /** Of the keys that vouch for what is active, by the newest root on the disk. */
  readonly outrun?: Rotated;
}

/**
 * What lies on the disk was accepted once, whatever became of the file that says so: it raises the floors. Not where its keys were
 * taken out since: a stop between the new root and the next activation must not bring the thief's numbers back.
 */
export function restoredFrom({ kept, document, active, outrun }: Restored): Pick<SyncState, 'floors' | 'active'> {
  // The newest root was accepted, and what it says is lost: nobody knows which keys it has. The state was written later than the rest.
  if ((document?.root ?? 0) < kept.floors.root) return { floors: kept.floors, active: withoutSecrets(active) };
  let { floors } = document === undefined ? kept : withoutOldKeys({ ...kept, active }, document.rotated);
  if (document !== undefined) {
    floors = raise(floors, { root: document.root, fresh: { ring: document.ring, seq: document.seq } });
  }
  if (active !== undefined && outrun?.policy !== true) floors = raise(floors, { bundle: active.version });
  return { floors, active: outrun?.freshness === true ? withoutSecrets(active) : active };
}
