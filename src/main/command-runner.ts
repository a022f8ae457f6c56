// SPDX-License-Identifier: Apache-2.0
// Runs a program to its end, within limits of time and size. Knows no program; never a shell.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../contract/clock.ts';

export interface Program {
  /** The executable, then its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** It is killed after so many milliseconds. */
  readonly limitMs: number;
  /** Each line of its output as it comes; those of standard error are not given. */
  readonly line?: (line: string) => void;
  readonly stop?: AbortSignal;
}

export interface Ended {
  /** 127: could not be started. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  /** The end of standard error. */
  readonly stderr: string;
}

export type Run = (program: Program) => Promise<Ended>;

/** Of standard output; a program that says more is killed. Characters. */
const MOST_OUTPUT = 4 * 2 ** 20;
/** Of standard error, the end is kept. Characters. */
const KEPT_ERROR = 8_192;
/** One line. */
const LONGEST_LINE = 2 ** 20;
export const COULD_NOT_START = 127;

/** Chunks to lines; `end` gives the rest. */
function lines(take: ((line: string) => void) | undefined): { push(text: string): void; end(): void } {
  let rest = '';
  return {
    push(text) {
      if (take === undefined) return;
      const parts = (rest + text).split('\n');
      rest = (parts.pop() ?? '').slice(0, LONGEST_LINE);
      for (const part of parts) take(part);
    },
    end() {
      if (rest !== '') take?.(rest);
    },
  };
}

/** Undefined: it cannot even be tried (ENOTDIR, E2BIG); other faults come as events. */
function spawned({
  command: [file, ...args],
  env,
}: Program): ChildProcessByStdio<null, Readable, Readable> | undefined {
  try {
    return spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, shell: false });
  } catch {
    return undefined;
  }
}

export function createRunner(clock: Clock): Run {
  return (program) =>
    new Promise((resolve) => {
      const { limitMs, line, stop } = program;
      const child = spawned(program);
      if (child === undefined)
        return resolve({ code: COULD_NOT_START, signal: undefined, timedOut: false, stdout: '', stderr: '' });
      let [stdout, stderr, timedOut] = ['', '', false];
      const split = lines(line);
      const kill = (): void => void child.kill('SIGKILL');
      const limit = clock.after(limitMs, () => {
        timedOut = true;
        kill();
      });
      stop?.addEventListener('abort', kill);
      const end = (code: number | undefined, signal: string | undefined): void => {
        limit.clear();
        stop?.removeEventListener('abort', kill);
        split.end();
        resolve({ code, signal, timedOut, stdout, stderr });
      };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        if (stdout.length > MOST_OUTPUT) return kill();
        split.push(text);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr = (stderr + text).slice(-KEPT_ERROR);
      });
      child.once('error', () => end(COULD_NOT_START, undefined));
      child.once('close', (code, signal) => end(code ?? undefined, signal ?? undefined));
      if (stop?.aborted === true) kill();
    });
}
