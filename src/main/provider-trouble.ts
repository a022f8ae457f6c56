// SPDX-License-Identifier: Apache-2.0
// Which providers are out and what stands in, from a state, the same for menu and notices. Pure.

import type { AgentState } from '../contract/local-api.ts';

export interface Trouble {
  /** The provider that should answer. */
  readonly instead: string;
  /** The one that does; undefined: none. */
  readonly using: string | undefined;
  /** False: no route names it, so nothing could stand in. */
  readonly routed: boolean;
}

/** One per provider; of several routes one that has nobody counts most. None while this machine is offline. */
export function troublesOf({ fallbacks, providers, offline }: AgentState): readonly Trouble[] {
  if (offline) return [];
  const troubles = new Map<string, Trouble>();
  for (const { instead_of: instead, using } of fallbacks) {
    const known = troubles.get(instead);
    if (known === undefined || (known.using !== undefined && using === undefined))
      troubles.set(instead, { instead, using, routed: true });
  }
  for (const { name, health } of providers) {
    if (health.state === 'down' && !troubles.has(name))
      troubles.set(name, { instead: name, using: undefined, routed: false });
  }
  return [...troubles.values()];
}
