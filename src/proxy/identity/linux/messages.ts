// SPDX-License-Identifier: Apache-2.0
// What the daemon and the identity worker say to each other. Types only.

import type { Owner, Peer } from '../owner.ts';

export interface LookupRequest {
  readonly id: number;
  readonly peer: Peer;
}

/** The uid comes first and on its own: it is known long before the process. `done` ends the lookup. */
export type LookupReport =
  | { readonly id: number; readonly kind: 'uid'; readonly uid: number }
  | { readonly id: number; readonly kind: 'done'; readonly owner: Owner | undefined };
