// SPDX-License-Identifier: Apache-2.0
// The daemon's life as values: states, inputs, effects. step.ts says how one leads to the other. Types, and the numbers of it.

import type { Keeper } from '../shapes.ts';

/** Where the tray would get a daemon from: the installed service, or a child of its own. */
export type HostKind = 'service' | 'child';

/** A daemon that answered. */
export interface Daemon {
  readonly version: string;
  /** Of the local API, as it says itself; undefined: it said something that is not understood. */
  readonly api: number | undefined;
  readonly pid: number;
  /** It is the child of this tray. */
  readonly own: boolean;
}

/** Why there is no daemon. Structured, so that each language can word it. */
export type End =
  /** The child ended by itself. */
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** The child found its folder, or a port, in use. */
  | { readonly kind: 'folder-taken' }
  | { readonly kind: 'port-taken' }
  /** It did not answer in time, or not again. */
  | { readonly kind: 'silent' }
  /** It could not even be started: no program, or the service manager refused. */
  | { readonly kind: 'not-started' };

/** Kept over all states. */
export interface Memory {
  readonly host: HostKind;
  /** When starts were lost within the last WINDOW_MS, oldest first. Monotonic milliseconds. */
  readonly ends: readonly number[];
  /** Ends in a row; a calm WINDOW_MS begins anew. */
  readonly row: number;
  /** Of the last end; nothing once a daemon answers again. */
  readonly why: End | undefined;
  /** Streams in a row that hardly lived. */
  readonly flaps: number;
}

export type Life = { readonly memory: Memory } & (
  | { readonly phase: 'looking' }
  /** Asked to start; looked for until then. Monotonic milliseconds, as all times here. */
  | { readonly phase: 'starting'; readonly until: number }
  | { readonly phase: 'running'; readonly daemon: Daemon; readonly keeper: Keeper }
  /** It went, and is left to whoever keeps it until then. `own`: that is the tray's child, and it has not ended. */
  | { readonly phase: 'down'; readonly until: number; readonly own: boolean }
  | { readonly phase: 'waiting'; readonly until: number }
  | { readonly phase: 'gave-up' }
  | { readonly phase: 'incompatible'; readonly daemon: Daemon }
  | { readonly phase: 'quit' }
);
export type Phase = Life['phase'];

export type Input =
  /** A look found nobody who answers. `host`: is a service installed? */
  | { readonly kind: 'found'; readonly host: HostKind }
  /** A look found a daemon. */
  | { readonly kind: 'answered'; readonly host: HostKind; readonly daemon: Daemon }
  /** The stream of the one that is followed ended. `lasted`: milliseconds that it was live; 0: never. */
  | { readonly kind: 'gone'; readonly lasted: number }
  /** The child ended and nobody asked for it; or a start failed. */
  | { readonly kind: 'ended'; readonly end: End }
  | { readonly kind: 'timer' }
  | { readonly kind: 'pressed-start' }
  | { readonly kind: 'woke' }
  | { readonly kind: 'quitting' };

export type Effect =
  /** Who answers, and what is installed? Ends in `found` or `answered`. */
  | { readonly do: 'look' }
  /** May end in `ended`. */
  | { readonly do: 'start'; readonly host: HostKind }
  /** Ends the child, if there is one, silently. */
  | { readonly do: 'stop-child' }
  /** Follows the state of the daemon that answered last. */
  | { readonly do: 'follow' }
  | { readonly do: 'unfollow' }
  /** `timer` comes after so many milliseconds. Any other state, and any later wait, calls it off. */
  | { readonly do: 'wait'; readonly ms: number };

export interface Step {
  readonly life: Life;
  readonly effects: readonly Effect[];
}

/** What a step is told of the world. */
export interface Around {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** How long a start may take until it answers. A daemon needs under a second; a cold disk at log-on much more. */
export const START_MS = 20_000;
/** Between looks at a daemon that is starting. */
export const START_LOOK_MS = 500;
/** How long one that went is left to its manager (systemd restarts after 1 s, launchd after 10 s). */
export const PATIENCE_MS = 10_000;
export const PATIENCE_LOOK_MS = 1_000;
/** How long an own child that lives may be silent: it is at work, or the machine is. Its end would be told at once. */
export const OWN_PATIENCE_MS = 60_000;
/** A stream that was live for less says nothing good: each further one is waited for twice as long, up to SLOW_LOOK_MS. */
export const CALM_STREAM_MS = 10_000;
/** Between looks at what cannot be helped. */
export const SLOW_LOOK_MS = 30_000;
/** Wait before the first new start; doubled each time. */
export const FIRST_WAIT_MS = 1_000;
export const LONGEST_WAIT_MS = 60_000;
/** So many ends within the window, and it is given up. */
export const MOST_ENDS = 5;
export const WINDOW_MS = 600_000;
