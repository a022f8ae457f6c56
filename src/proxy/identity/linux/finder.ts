// SPDX-License-Identifier: Apache-2.0
// From a socket's inode to the process that holds it, in the order that finds it soonest: processes that were found lately,
// then the newest processes, each from its highest descriptor down. Knows nothing of threads or time limits of callers.

import { appOf, nameOf } from '../app.ts';
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

export interface Finder {
  /** Undefined when no process that may be seen holds the socket, or the search took too long. Never rejects. */
  find(inode: string): Promise<Owner | undefined>;
}

/** `breathe` lets other work of the thread run between two slices of a long walk. */
export function createFinder(proc: Proc, monotonic: () => number, breathe: () => Promise<void>): Finder {
  /** Most recent first. */
  let recent: readonly number[] = [];
  /** By pid, start time and executable: together they do not change owner. */
  const apps = new Map<string, string>();

  const descriptorOf = (pid: number, inode: string): string | undefined =>
    // The directory lists in ascending order; a new connection has a high number.
    proc.descriptors(pid).findLast((descriptor) => proc.isSocket(pid, descriptor, inode));

  const ownerOf = (pid: number, descriptor: string, inode: string): Owner | undefined => {
    const info = proc.read(pid);
    // Still the holder after reading: so it is the process that was read, not a later one with its pid.
    if (info === undefined || !proc.isSocket(pid, descriptor, inode)) return undefined;
    const key = `${pid} ${info.started} ${info.exe} ${info.script}`;
    const app = apps.get(key) ?? appOf(info, (parent) => proc.read(parent));
    apps.delete(key);
    apps.set(key, app);
    const oldest = apps.keys().next().value;
    if (apps.size > APPS && oldest !== undefined) apps.delete(oldest);
    const { uid, exe, script, started } = info;
    return { pid, uid, name: nameOf(info), exe: exe?.slice(0, 1024), script, started, app };
  };

  const tryPid = (pid: number, inode: string): Owner | undefined => {
    const descriptor = descriptorOf(pid, inode);
    const owner = descriptor === undefined ? undefined : ownerOf(pid, descriptor, inode);
    if (owner !== undefined) recent = [pid, ...recent.filter((other) => other !== pid)].slice(0, RECENT);
    return owner;
  };

  return {
    find: async (inode) => {
      const first = recent;
      for (const pid of first) {
        const owner = tryPid(pid, inode);
        if (owner !== undefined) return owner;
      }
      const deadline = monotonic() + WALK_MS;
      let slice = monotonic() + SLICE_MS;
      const others = proc.pids().filter((pid) => !first.includes(pid));
      for (const pid of others.sort((a, b) => b - a)) {
        const owner = tryPid(pid, inode);
        if (owner !== undefined) return owner;
        const now = monotonic();
        if (now > deadline) return undefined;
        if (now > slice) {
          await breathe();
          slice = monotonic() + SLICE_MS;
        }
      }
      return undefined;
    },
  };
}
