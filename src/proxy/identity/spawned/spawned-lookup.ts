// SPDX-License-Identifier: Apache-2.0
// macOS and Windows without native code: asks the system's own tools. Too slow for a caller to wait for (hundreds of ms), so it
// mostly fills in later rows of a connection. Not verified on real machines. Must not know /proc.

import { execFile } from 'node:child_process';
import { appOf, nameOf, type ProcessInfo } from '../app.ts';
import type { Lookup } from '../cached.ts';
import type { Attribution, Owner, Peer } from '../owner.ts';
import { lsofArguments, psArguments, psCommandArguments, readLsof, readPs } from './lsof.ts';
import { netstatArguments, processCommand, readNetstat, readProcesses } from './netstat.ts';

/** Runs a tool and gives its standard output; '' when it fails, takes too long or says too much. Never rejects. */
export type RunTool = (file: string, args: readonly string[]) => Promise<string>;

const TOOL_MS = 3000;
const TOOL_BYTES = 4 * 1_048_576;
/** Lookups at a time; more are answered "unknown". Each costs a process or two. */
const MAX_RUNNING = 4;

const UNKNOWN: Attribution = { uid: undefined, owner: undefined };

export const runTool: RunTool = (file, args) =>
  new Promise((resolve) => {
    const options = {
      timeout: TOOL_MS,
      maxBuffer: TOOL_BYTES,
      windowsHide: true,
      env: { ...process.env, LC_ALL: 'C' },
    };
    execFile(file, [...args], options, (error, stdout) => resolve(error === null ? stdout : ''));
  });

function ownerOf(processes: readonly ProcessInfo[], pid: number): Owner | undefined {
  const info = processes.find((each) => each.pid === pid);
  if (info === undefined) return undefined;
  const { uid, exe, script, started } = info;
  const app = appOf(info, (parent) => processes.find((each) => each.pid === parent));
  return { pid, uid, name: nameOf(info), exe: exe?.slice(0, 1024), script, started, app };
}

async function onMac(peer: Peer, run: RunTool, partly: (known: Attribution) => void): Promise<Attribution> {
  const found = readLsof(await run('/usr/sbin/lsof', lsofArguments(peer)), peer);
  if (found === undefined) return UNKNOWN;
  partly({ uid: found.uid, owner: undefined });
  const args = await run('/bin/ps', psCommandArguments(found.pid));
  const processes: ProcessInfo[] = [];
  for (let pid = found.pid; pid > 1 && processes.length < 8; ) {
    const [info] = readPs(await run('/bin/ps', psArguments([pid])), pid === found.pid ? args : undefined);
    if (info === undefined) break;
    processes.push(info);
    pid = info.parent;
  }
  return { uid: found.uid, owner: ownerOf(processes, found.pid) };
}

async function onWindows(peer: Peer, run: RunTool, system: string): Promise<Attribution> {
  const pid = readNetstat(await run(`${system}\\System32\\netstat.exe`, netstatArguments(peer)), peer);
  if (pid === undefined) return UNKNOWN;
  const shell = `${system}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
  return { uid: undefined, owner: ownerOf(readProcesses(await run(shell, processCommand(pid))), pid) };
}

/** `system` is the Windows folder. Tools are named by their full path, so that no PATH can replace them. */
export function createSpawnedLookup(platform: 'darwin' | 'win32', run: RunTool, system: string): Lookup {
  let running = 0;
  return async (peer, partly) => {
    const address = peer.remoteAddress;
    if (address !== undefined && !['127.0.0.1', '::ffff:127.0.0.1', '::1'].includes(address)) return UNKNOWN;
    if (running >= MAX_RUNNING) return UNKNOWN;
    running += 1;
    try {
      return platform === 'darwin' ? await onMac(peer, run, partly) : await onWindows(peer, run, system);
    } catch {
      return UNKNOWN;
    } finally {
      running -= 1;
    }
  };
}
