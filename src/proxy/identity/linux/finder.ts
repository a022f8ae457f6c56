// SPDX-License-Identifier: Apache-2.0
// From sockets' inodes to the processes that hold them, in the order that finds them soonest: processes that were found lately,
// then the newest processes, each from its highest descriptor down and once for all inodes. Knows nothing of threads or time limits of callers.

import { appOf, nameOf, type ProcessInfo } from '../app.ts';
import type { Owner } from '../owner.ts';
import type { Proc } from './proc.ts';

/** Processes that were found lately and are asked first: about as many AI clients as one person runs at a time. */
const RECENT = 16;
/** A walk over all processes of a busy machine takes up to 250 ms (measured); beyond this the answer is of no use. */
const WALK_MS = 500;
/** A walk yields this often. Milliseconds. */
const SLICE_MS = 5;
/** App names that are kept; beyond, the oldest goes. */
const APPS = 256;

/** Told once for each inode that was found. */
export type Found = (inode: string, owner: Owner) => void;

export interface Finder {
  /**
   * Resolves when all are found or the search has ended; what was not told by then is held by no process that may be seen, or
   * the search took too long. Never rejects.
   */
  find(inodes: Iterable<string>, found: Found): Promise<void>;
}

/** `breathe` lets other work of the thread run between two slices of a long walk. */
export function createFinder(proc: Proc, monotonic: () => number, breathe: () => Promise<void>): Finder {
  /** Most recent first. */
  let recent: readonly number[] = [];
  /** By pid, start time and executable: together they do not change owner. */
  const apps = new Map<string, string>();

  const ownerOf = (info: ProcessInfo): Owner => {
    const key = `${info.pid} ${info.started} ${info.exe} ${info.script}`;
    const app = apps.get(key) ?? appOf(info, (parent) => proc.read(parent));
    apps.delete(key);
    apps.set(key, app);
    const oldest = apps.keys().next().value;
    if (apps.size > APPS && oldest !== undefined) apps.delete(oldest);
    const { pid, uid, exe, script, started } = info;
    return { pid, uid, name: nameOf(info), exe: exe?.slice(0, 1024), script, started, app };
  };

  /** The wanted sockets of one process by descriptor. */
  const held = (pid: number, wanted: ReadonlySet<string>): ReadonlyMap<string, string> => {
    const hits = new Map<string, string>();
    const inodes = new Set<string>();
    // The directory lists in ascending order; a new connection has a high number.
    for (const descriptor of proc.descriptors(pid).toReversed()) {
      const inode = proc.socketAt(pid, descriptor);
      if (inode === undefined || !wanted.has(inode) || inodes.has(inode)) continue;
      hits.set(descriptor, inode);
      inodes.add(inode);
      if (inodes.size === wanted.size) break;
    }
    return hits;
  };

  /** Takes what this process holds out of `wanted`. */
  const visit = (pid: number, wanted: Set<string>, found: Found): void => {
    const hits = held(pid, wanted);
    const info = hits.size === 0 ? undefined : proc.read(pid);
    if (info === undefined) return;
    const owner = ownerOf(info);
    for (const [descriptor, inode] of hits) {
      // Still the holder after reading: so it is the process that was read, not a later one with its pid.
      if (proc.socketAt(pid, descriptor) !== inode) continue;
      wanted.delete(inode);
      found(inode, owner);
      if (recent[0] !== pid) recent = [pid, ...recent.filter((other) => other !== pid)].slice(0, RECENT);
    }
  };

  return {
    find: async (inodes, found) => {
      const wanted = new Set(inodes);
      const first = recent;
      for (const pid of first) {
        if (wanted.size === 0) return;
        visit(pid, wanted, found);
      }
      if (wanted.size === 0) return;
      const deadline = monotonic() + WALK_MS;
      let slice = monotonic() + SLICE_MS;
      const others = proc.pids().filter((pid) => !first.includes(pid));
      for (const pid of others.sort((a, b) => b - a)) {
        visit(pid, wanted, found);
        if (wanted.size === 0) return;
        const now = monotonic();
        if (now > deadline) return;
        if (now > slice) {
          await breathe();
          slice = monotonic() + SLICE_MS;
        }
      }
    },
  };
}
