// SPDX-License-Identifier: Apache-2.0
// What the daemon and the identity worker say to each other. Types only.

import type { Owner, Peer } from '../owner.ts';

export interface LookupRequest {
  readonly id: number;
  readonly peer: Peer;
}

/** `done` ends the lookup. Where finding the process takes a while, the uid comes before it and on its own. */
export type LookupReport =
  | { readonly id: number; readonly kind: 'uid'; readonly uid: number }
  | { readonly id: number; readonly kind: 'done'; readonly uid: number | undefined; readonly owner: Owner | undefined };
