// SPDX-License-Identifier: Apache-2.0
// How the page sees the agent. Types only; http.ts speaks to a daemon, fake.ts to nobody.

import type { AgentState, DoctorReport, RecordedView } from '../../contract/local-api.ts';

export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The daemon does not answer; it is asked again and again. `since`: milliseconds since the Unix epoch. */
  | { readonly kind: 'lost'; readonly since: number }
  /** The session is over: only a new address from the terminal helps. */
  | { readonly kind: 'signed-out' }
  /** The daemon has another version than this page; reloading helps. */
  | { readonly kind: 'outdated' };

export interface Watcher {
  readonly link: (link: Link) => void;
  readonly state: (state: AgentState) => void;
}

export interface AgentClient {
  /** Follows the state and reconnects by itself. Returns the end of it. */
  watch(watcher: Watcher): () => void;
  /** Does not wait for the next try. */
  retry(): void;
  recorded(): Promise<RecordedView>;
  doctor(): Promise<DoctorReport>;
}
