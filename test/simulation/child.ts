// SPDX-License-Identifier: Apache-2.0
// A process of our own that is asked to do things and answers: both ends. Ends with its parent. Knows nothing of what is done.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Question {
  readonly id: number;
  readonly what: string;
  readonly value: unknown;
}

type Said =
  | { readonly ready: unknown }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

export interface Child<Ready> {
  readonly pid: number;
  readonly ready: Ready;
  ask<T>(what: string, value?: unknown): Promise<T>;
  /** It closes what it has open, and ends. */
  stop(): Promise<void>;
}

/** @param given to `given()` of the child. @param flags of node */
export async function startChild<Ready>(
  script: string,
  given: unknown,
  flags: readonly string[] = [],
): Promise<Child<Ready>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [...flags, path, JSON.stringify(given)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const started = Promise.withResolvers<unknown>();
  const exited = once(child, 'exit').then(([code, signal]) => {
    const error = new Error(`${script} ended with ${code ?? signal}`);
    started.reject(error);
    for (const { reject } of waiting.values()) reject(error);
  });
  child.on('message', (said: Said) => {
    if ('ready' in said) return started.resolve(said.ready);
    const asked = waiting.get(said.id);
    waiting.delete(said.id);
    if ('error' in said) asked?.reject(new Error(said.error));
    else asked?.resolve(said.value);
  });
  const ready = (await started.promise) as Ready;
  let count = 0;
  const ask = async <T>(what: string, value?: unknown): Promise<T> => {
    const id = ++count;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(id, asked);
    child.send({ id, what, value } satisfies Question);
    return (await asked.promise) as T;
  };
  return {
    pid: child.pid ?? 0,
    ready,
    ask,
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** In the child: what it was started with. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null') as T;
}

/** In the child: answers from now on. `close` is called when the parent lets go. */
export function serve(
  ready: unknown,
  acts: Readonly<Record<string, (value: never) => unknown>>,
  close: () => Promise<void> | void,
): void {
  process.on('message', ({ id, what, value }: Question) => {
    void (async () => {
      try {
        process.send?.({ id, value: await acts[what]?.(value as never) });
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  process.on('disconnect', () => {
    void Promise.resolve(close()).finally(() => process.exit());
  });
  process.send?.({ ready });
}

/** Milliseconds of a clock that all processes of the machine share. */
export function machineTime(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
