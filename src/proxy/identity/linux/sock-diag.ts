// SPDX-License-Identifier: Apache-2.0
// Asks the kernel for the rows of single connections by netlink, at 0.02 ms each whatever the number of sockets (measured). Needs
// native calls, hence the optional package koffi. Must not know processes.

import { endianness } from 'node:os';
import type { Peer } from '../owner.ts';
import { ANSWER_BYTES, diagQuestion, readAnswer } from './diag-message.ts';
import type { SocketRow } from './net-table.ts';
import type { RowsOf } from './table-rows.ts';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2_000_000;
const NETLINK_SOCK_DIAG = 4;
const MSG_DONTWAIT = 0x40;

/** Of the C library, what a question needs; as in its manual pages. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  close(fd: number): number;
}

async function loadLibc(): Promise<Libc> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  return {
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    send: libc.func('long send(int fd, const void *bytes, size_t length, int flags)'),
    recv: libc.func('long recv(int fd, void *bytes, size_t length, int flags)'),
    close: libc.func('int close(int fd)'),
  } as Libc;
}

/** The kernel has answered by the time that `send` returns, so nothing here waits. */
function askOne(libc: Libc, fd: number, peer: Peer, littleEndian: boolean): ReturnType<typeof readAnswer> {
  const question = diagQuestion(peer, littleEndian);
  if (question === undefined) return { row: undefined };
  if (libc.send(fd, question, question.length, 0) !== question.length) return 'unusable';
  const answer = new Uint8Array(ANSWER_BYTES);
  const count = libc.recv(fd, answer, answer.length, MSG_DONTWAIT);
  return count < 0 ? 'unusable' : readAnswer(answer.subarray(0, count), peer, littleEndian);
}

/**
 * Asks the monitor, and then `tables` about what it does not name: a kernel without it says "no such socket" of each, a sandbox may
 * forbid it, and a socket may be bound to a device that nobody thought of. Never throws.
 */
export function diagRows(libc: Libc, tables: RowsOf): RowsOf {
  const littleEndian = endianness() === 'LE';

  /** What could be asked; a socket for each batch: nothing of an earlier one can stand in its queue. */
  const ask = (peers: readonly Peer[]): (SocketRow | undefined)[] => {
    const rows: (SocketRow | undefined)[] = [];
    let fd = -1;
    try {
      fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
      for (const peer of fd < 0 ? [] : peers) {
        const answer = askOne(libc, fd, peer, littleEndian);
        if (answer === 'unusable') break;
        rows.push(answer.row);
      }
    } catch {
      // Native calls that fail are no reason for the thread to die: the tables are left.
    } finally {
      if (fd >= 0) libc.close(fd);
    }
    return rows;
  };

  return (peers) => {
    const rows = ask(peers);
    const missed = [...peers.keys()].filter((index) => rows[index] === undefined);
    if (missed.length === 0) return rows;
    const known = tables(missed.map((index) => peers[index] as Peer));
    for (const [at, index] of missed.entries()) rows[index] = known[at];
    return rows;
  };
}

/** Undefined where native calls cannot be had: no koffi for this platform, or a C library of another name. */
export async function openSockDiag(tables: RowsOf): Promise<RowsOf | undefined> {
  const libc = await loadLibc().catch(() => undefined);
  return libc === undefined ? undefined : diagRows(libc, tables);
}
