// SPDX-License-Identifier: Apache-2.0
// The daemon's life as the window and the menu see it: a link, with what the tray does about it. Pure.

import { assertNever } from '../../contract/assert-never.ts';
import type { HostState, Link } from '../../contract/tray.ts';
import type { Words } from '../../strings/catalogue.ts';
import type { Daemon, End, Life } from './life.ts';
import { olderOf } from './versions.ts';

export interface Seen {
  /** The stream of states is open. */
  readonly live: boolean;
  /** Since when it is not; wall time. */
  readonly since: number;
  /** Once it was looked for in vain, or went. */
  readonly wasAway: boolean;
  /** It has been gone long enough to be called down. */
  readonly missed: boolean;
  /** Wall time of the next start; undefined: none is set. */
  readonly nextTry: number | undefined;
  readonly trayVersion: string;
}

type EndWords = Words['tray'];

export function reasonOf(end: End | undefined, { ends }: EndWords): string {
  switch (end?.kind) {
    case undefined:
      return ends.unknown;
    case 'exit':
      return ends.exit(end.code);
    case 'signal':
      return ends.signal(end.signal);
    case 'folder-taken':
      return ends.folderTaken;
    case 'port-taken':
      return ends.portTaken;
    case 'silent':
      return ends.silent;
    case 'not-started':
      return ends.notStarted;
    default:
      return assertNever(end);
  }
}

export function misfitOf(daemon: Daemon, trayVersion: string, { older }: EndWords): string {
  return older[olderOf(trayVersion, daemon.version)](daemon.version);
}

/** A daemon that went is looked for before anybody is told that it is down. */
function phaseOf(life: Life, missed: boolean): HostState['phase'] {
  switch (life.phase) {
    case 'running':
      return 'starting';
    case 'down':
      return missed ? 'down' : 'looking';
    case 'quit':
      return 'down';
    default:
      return life.phase;
  }
}

export function linkOf(life: Life, seen: Seen, words: EndWords): Link {
  if (life.phase === 'running' && seen.live) return { kind: 'live' };
  if (!seen.wasAway && (life.phase === 'looking' || life.phase === 'running')) return { kind: 'connecting' };
  const { memory } = life;
  const reason =
    life.phase === 'incompatible'
      ? misfitOf(life.daemon, seen.trayVersion, words)
      : memory.why === undefined
        ? undefined
        : reasonOf(memory.why, words);
  return {
    kind: 'lost',
    since: seen.since,
    host: {
      host: memory.host,
      phase: phaseOf(life, seen.missed),
      ...(life.phase === 'waiting' && seen.nextTry !== undefined ? { next_try: seen.nextTry } : {}),
      ...(reason === undefined ? {} : { reason: reason.slice(0, 256) }),
    },
  };
}
