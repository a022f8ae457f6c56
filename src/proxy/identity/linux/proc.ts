// SPDX-License-Identifier: Apache-2.0
// Reads processes and their sockets from /proc. Synchronous on purpose: it runs in the identity worker only, where a system
// call is cheaper than a promise. Knows the layout of /proc and nothing of connections.

import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { baseName, type ProcessInfo } from '../app.ts';
import { interpreterOf, scriptOf } from '../script.ts';

/** Longest command line that is read; scripts stand near its start. Bytes. */
const MAX_CMDLINE = 8192;
/** How the kernel writes a socket as a link: `socket:[inode]`. */
const SOCKET = 'socket:[';

/** What the finder needs of a system's processes. Numbers as texts where /proc has them as names. */
export interface Proc {
  /** All process ids, as the directory lists them. */
  pids(): readonly number[];
  /** Open descriptors of a process; empty where they may not be seen. */
  descriptors(pid: number): readonly string[];
  /** The inode of the socket that this descriptor refers to; undefined for anything else. */
  socketAt(pid: number, descriptor: string): string | undefined;
  /** Undefined when the process has gone or may not be seen at all. */
  read(pid: number): ProcessInfo | undefined;
}

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}

/** The process's parent and start time. `comm` may hold spaces and parentheses, so the fields are counted from its end. */
export function readStat(
  text: string,
): { readonly comm: string; readonly parent: number; readonly started: string } | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  const parent = Number(fields[1]);
  const started = fields[19];
  if (open < 0 || close < open || started === undefined || !Number.isSafeInteger(parent)) return undefined;
  return { comm: text.slice(open + 1, close), parent, started };
}

/** `root` is `/proc`; tests give another folder. */
export function createProc(root: string): Proc {
  const buffer = Buffer.alloc(MAX_CMDLINE);
  const text = (path: string): string | undefined =>
    attempt(() => {
      const fd = openSync(path, 'r');
      try {
        return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
      } finally {
        closeSync(fd);
      }
    });
  const statOf = (pid: number) => readStat(text(`${root}/${pid}/stat`) ?? '');
  return {
    pids: () => (attempt(() => readdirSync(root)) ?? []).filter((name) => /^\d+$/.test(name)).map(Number),
    descriptors: (pid) => attempt(() => readdirSync(`${root}/${pid}/fd`)) ?? [],
    socketAt: (pid, descriptor) => {
      const target = attempt(() => readlinkSync(`${root}/${pid}/fd/${descriptor}`));
      return target?.startsWith(SOCKET) ? target.slice(SOCKET.length, -1) : undefined;
    },
    read: (pid) => {
      const before = statOf(pid);
      const uid = attempt(() => statSync(`${root}/${pid}`).uid);
      if (before === undefined || uid === undefined) return undefined;
      // A replaced executable (an update while it runs) is marked so by the kernel.
      const exe = attempt(() => readlinkSync(`${root}/${pid}/exe`))?.replace(/ \(deleted\)$/, '');
      const argv = (text(`${root}/${pid}/cmdline`) ?? '').split('\0');
      const interpreter = exe === undefined ? undefined : interpreterOf(baseName(exe));
      const cwd = interpreter === undefined ? undefined : attempt(() => readlinkSync(`${root}/${pid}/cwd`));
      // The pid was given to another process while we read: what was read belongs to two of them.
      if (statOf(pid)?.started !== before.started) return undefined;
      return {
        ...before,
        pid,
        uid,
        exe,
        script: interpreter === undefined ? undefined : scriptOf(interpreter, argv, cwd),
        helper: argv.some((arg) => arg.startsWith('--type=')),
      };
    },
  };
}
