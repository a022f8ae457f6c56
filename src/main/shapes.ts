// SPDX-License-Identifier: Apache-2.0
// What the tray shows, as values: computed by pure functions, drawn by shell.ts. Types only.

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
  /** At most 12 lines, submenus not counted (desktop.md 6.2). */
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
