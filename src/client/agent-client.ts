// SPDX-License-Identifier: Apache-2.0
// How window, page and tray see the agent. Types only; http.ts speaks to a daemon, ipc.ts to the tray's process, fake.ts to nobody.

import type { AgentState, DoctorCheck, DoctorReport, RecordedView } from '../contract/local-api.ts';
import type { CallDetail, CallsPage, CallsQuery, UsageReport } from '../contract/local-history.ts';
import type { About, Action, Done, Link, Preferences, SAVES, Saved, Surroundings } from '../contract/tray.ts';

export type { Link };

export interface Watcher {
  readonly link: (link: Link) => void;
  readonly state: (state: AgentState) => void;
}

/** What is asked of the daemon. Each promise rejects when it does not answer. */
export interface AgentClient {
  /** Follows the state and reconnects by itself. Returns the end of it. */
  watch(watcher: Watcher): () => void;
  /** Does not wait for the next try. */
  retry(): void;
  recorded(): Promise<RecordedView>;
  usage(): Promise<UsageReport>;
  calls(query: CallsQuery): Promise<CallsPage>;
  /** By request or decision id; undefined: there is no such call in the log. */
  call(id: string): Promise<CallDetail | undefined>;
  /** `each`: every check as it ends. In the window it works with the daemon down. `stop`: nobody waits any more; the promise may reject then. */
  doctor(each: (check: DoctorCheck) => void, stop?: AbortSignal): Promise<DoctorReport>;
}

/** What is asked of what the page lives in: a browser, or the tray's window. */
export interface Surrounding {
  surroundings(): Promise<Surroundings>;
  prefer(preferences: Preferences): Promise<Surroundings>;
  about(): Promise<About>;
  /** What this surrounding can do about a warning. */
  readonly actions: readonly Action[];
  act(action: Action): Promise<Done>;
  save(what: (typeof SAVES)[number]): Promise<Saved>;
  copy(text: string): Promise<void>;
  /** Opens an https address outside. */
  open(url: string): Promise<Done>;
  /** Calls back when another view or other preferences are asked for from outside. Returns the end of it. */
  listen(listener: {
    readonly show: (hash: string) => void;
    readonly surroundings: (now: Surroundings) => void;
  }): () => void;
}

/** All that the views need. */
export interface PageClient extends AgentClient, Surrounding {}
