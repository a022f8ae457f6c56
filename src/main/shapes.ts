// SPDX-License-Identifier: Apache-2.0
// What passes between the parts of the tray, as values: computed by pure functions and by the supervisor, drawn by shell.ts. Types only.

import type { AgentClient } from '../client/agent-client.ts';
import type { AgentState, HealthItem } from '../contract/local-api.ts';
import type { Action, Done, Link, SAVES, Saved } from '../contract/tray.ts';

export type IconShape = 'ok' | 'attention' | 'blocked' | 'syncing';

/** What a line of the menu, or a click on a notice, does. */
export type Command =
  /** Opens the window at a view: the part of its address after `#`. */
  | { readonly do: 'open'; readonly hash: string }
  /** Starts the daemon now, without waiting for the next try. */
  | { readonly do: 'start' }
  /** An address outside; checked against the allow list when it is opened. */
  | { readonly do: 'browse'; readonly url: string }
  | { readonly do: 'quit' };

export type MenuLine =
  | { readonly kind: 'separator' }
  /** Cannot be chosen. */
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'command'; readonly label: string; readonly command: Command }
  | { readonly kind: 'submenu'; readonly label: string; readonly lines: readonly MenuLine[] };

export interface TrayView {
  readonly icon: IconShape;
  /** One sentence. */
  readonly tooltip: string;
  /** At most 12 lines, what is in submenus and separators not counted. */
  readonly menu: readonly MenuLine[];
}

export interface Notice {
  /** A newer one with the same id takes its place. */
  readonly id: string;
  readonly title: string;
  readonly body: string;
  /** What a click does. */
  readonly command: Command;
}

/**
 * Who keeps the daemon alive: the system, this tray as its living child, or whoever started it (a terminal, a tray from before), if anybody.
 */
export type Keeper = 'service' | 'child' | 'other';

/** All that the tray knows of the daemon; a new value at each change. */
export interface Known {
  readonly link: Link;
  /** The last state that came, the tray's own warnings in front. Absent: none has come yet. */
  readonly state: AgentState | undefined;
  /** The tray's own warnings; also in `state`. */
  readonly warnings: readonly HealthItem[];
  readonly keeper: Keeper;
  /** Of a daemon that answers and is not of the tray's version: the older of both is to be started again. */
  readonly otherVersion: { readonly version: string; readonly older: 'tray' | 'daemon' | 'unknown' } | undefined;
}

/** The daemon's life, kept going, and everything that is asked of the daemon. */
export interface Supervisor {
  readonly known: () => Known;
  /** Called at each change, not for what is known already. Returns the end of it. */
  listen(listener: (known: Known) => void): () => void;
  /** For the window's channels: `watch` follows `known`; `doctor` works with the daemon down. */
  readonly client: AgentClient;
  /** The person pressed Start. */
  start(): void;
  /** The machine woke, or the session was unlocked. */
  woke(): void;
  /** A window or a helper process of the runtime failed; `reason`: no path, no secret. */
  windowFailed(reason: string): void;
  /** A window works (again). */
  windowWorks(): void;
  act(action: Action): Promise<Done>;
  /** Writes the file, for its owner only. The support bundle also with the daemon down. */
  save(what: (typeof SAVES)[number], path: string): Promise<Saved>;
  /** Ends the tray's own child, if there is one. Nothing happens after that. */
  quit(): Promise<void>;
}
