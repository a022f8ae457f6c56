// SPDX-License-Identifier: Apache-2.0
// The tray's own daemon: `outpost run` as a child process, where no service is installed. Ends only what it started, by its number.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock } from '../contract/clock.ts';
import type { DaemonHost } from './daemon-host.ts';
import type { End } from './life/life.ts';

export interface ChildHostParts {
  /** The `outpost` executable (in development: node and the entry), then arguments that come before `run`. */
  readonly outpost: readonly [string, ...string[]];
  /** Behind `run`. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/** The daemon ends within 2 s of a signal; after this it is killed. Milliseconds. */
const STOP_MS = 5_000;
/** After the kill: what it started may still hold its log open. Milliseconds. */
const KILLED_MS = 2_000;
/** Of its log, the end is looked at for a reason. Characters. */
const KEPT_LOG = 4_096;

/** How `outpost run` words it (audit/lock.ts, daemon.ts). It writes names of files as well: none of them goes on from here. */
const FOLDER_TAKEN = /already writes to the audit folder/;
const PORT_TAKEN = /port \d+ is taken by another program/;

function endOf(code: number | null, signal: NodeJS.Signals | null, log: string): End {
  if (FOLDER_TAKEN.test(log)) return { kind: 'folder-taken' };
  if (PORT_TAKEN.test(log)) return { kind: 'port-taken' };
  return signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal };
}

export function createChildHost({ outpost, args, env, clock }: ChildHostParts): DaemonHost {
  const [file, ...before] = outpost;
  let child: ChildProcess | undefined;
  /** While one ends because it was asked to. */
  let stopping: Promise<void> | undefined;
  /** A start that waits for that end. */
  let wanted = false;
  let tell: (end: End) => void = () => undefined;

  const spawned = (): ChildProcess | undefined => {
    try {
      return spawn(file, [...before, 'run', ...args], {
        env,
        // A terminal's Ctrl-C is for the tray, which ends its child itself.
        detached: process.platform !== 'win32',
        stdio: ['ignore', 'ignore', 'pipe'],
        windowsHide: true,
        shell: false,
      });
    } catch {
      // Some faults come as events, others (ENOTDIR, E2BIG) at once.
      return undefined;
    }
  };

  const launch = (): void => {
    const mine = spawned();
    if (mine === undefined) return tell({ kind: 'not-started' });
    child = mine;
    let log = '';
    mine.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-KEPT_LOG);
    });
    const over = (end: End): void => {
      if (child !== mine) return;
      child = undefined;
      if (stopping === undefined) tell(end);
    };
    mine.once('error', () => {
      if (mine.pid === undefined) over({ kind: 'not-started' });
    });
    // Not `exit`: the last lines of its log come later.
    mine.once('close', (code, signal) => over(endOf(code, signal, log)));
  };

  const stop = async (ending: ChildProcess): Promise<void> => {
    await new Promise<void>((resolve) => {
      // On Windows this ends it at once; its log survives that as it survives a loss of power, and the next start says so.
      ending.kill('SIGTERM');
      let limit = clock.after(STOP_MS, () => {
        ending.kill('SIGKILL');
        limit = clock.after(KILLED_MS, resolve);
      });
      ending.once('close', () => {
        limit.clear();
        resolve();
      });
    });
    if (child === ending) child = undefined;
    stopping = undefined;
    if (!wanted) return;
    wanted = false;
    launch();
  };

  return {
    installed: () => existsSync(file),
    start() {
      // The one that is asked to end must have ended before.
      if (stopping !== undefined) wanted = true;
      else if (child === undefined) launch();
    },
    async stop() {
      wanted = false;
      if (child !== undefined) stopping ??= stop(child);
      await stopping;
    },
    pid: () => child?.pid,
    onEnd: (listener) => {
      tell = listener;
    },
  };
}
