// SPDX-License-Identifier: Apache-2.0
// macOS: the words of lsof and ps, and what they answer. Pure. Not verified on a real machine: written after the manual pages
// (lsof -F, ps -o).

import { baseName, type ProcessInfo } from '../app.ts';
import type { Peer } from '../owner.ts';
import { interpreterOf, scriptOf } from '../script.ts';

function loopback(peer: Peer): string {
  return peer.family === 4 ? '127.0.0.1' : '[::1]';
}

/** One file per line, each field with its letter first: p pid, u uid, n name. `-a` joins the conditions. */
export function lsofArguments(peer: Peer): readonly string[] {
  return ['-nP', '-a', `-i${peer.family}TCP@${loopback(peer)}:${peer.remotePort}`, '-sTCP:ESTABLISHED', '-Fpun'];
}

/** The process whose end of the connection is the client's: `n127.0.0.1:CLIENT->127.0.0.1:OURS`. */
export function readLsof(text: string, peer: Peer): { readonly pid: number; readonly uid: number } | undefined {
  const wanted = `n${loopback(peer)}:${peer.remotePort}->${loopback(peer)}:${peer.localPort}`;
  let pid = Number.NaN;
  let uid = Number.NaN;
  for (const line of text.split('\n')) {
    if (line.startsWith('p')) {
      pid = Number(line.slice(1));
      uid = Number.NaN;
    } else if (line.startsWith('u')) uid = Number(line.slice(1));
    else if (line === wanted && Number.isSafeInteger(pid) && Number.isSafeInteger(uid)) return { pid, uid };
  }
  return undefined;
}

/** Start times have a fixed width of 24 characters in the C locale; `args` comes last because it has spaces. */
export function psArguments(pids: readonly number[]): readonly string[] {
  return ['-ww', '-o', 'pid=,ppid=,uid=,lstart=,comm=', '-p', pids.join(',')];
}

export function psCommandArguments(pid: number): readonly string[] {
  return ['-ww', '-o', 'args=', '-p', String(pid)];
}

/** `comm` is the executable's path on macOS. `args` is that of the one process that is asked about, split at spaces. */
export function readPs(text: string, args: string | undefined): readonly ProcessInfo[] {
  return text.split('\n').flatMap((line): ProcessInfo[] => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(.+?)\s*$/.exec(line);
    if (match === null) return [];
    const [, pid = '', parent = '', uid = '', started = '', comm = ''] = match;
    const exe = comm.startsWith('/') ? comm : undefined;
    const interpreter = interpreterOf(baseName(comm));
    const argv = (args ?? '').trim().split(/\s+/);
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        uid: Number(uid),
        comm: baseName(comm),
        exe,
        script: interpreter === undefined || args === undefined ? undefined : scriptOf(interpreter, argv, undefined),
        helper: argv.some((arg) => arg.startsWith('--type=')) || / Helper(?: \([^)]*\))?$/.test(comm),
        started: started.replace(/\s+/g, ' '),
      },
    ];
  });
}
