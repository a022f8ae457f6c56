// SPDX-License-Identifier: Apache-2.0
// Opens real audit logs for tests, with a writer thread that can be made to stall or die. Knows the public side of the log.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../src/contract/clock.ts';
import { type AuditLogOptions, openAuditLog, type RunningAuditLog } from '../../src/proxy/audit/writer.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { silentLog } from '../../src/proxy/log.ts';

export const MB = 1024 * 1024;

export const SETTINGS = { level: 'standard', onFull: 'degrade', capBytes: 512 * MB } as const;

/** Deadlines by its hands pass so many times later: 250 ms become 10 s. */
const PATIENCE = 40;
/** For receipts that depend on what the log is able to do, not on how fast the disk of a test machine is. */
const patientClock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() / PATIENCE };

/**
 * Small ballast: tests do not write 8 MB each. Patient: the disk of a test machine may stall for seconds. A test of the deadlines
 * passes `systemClock`.
 */
export function openTestLog(dir: string, more: Partial<AuditLogOptions> = {}): Promise<RunningAuditLog> {
  return openAuditLog({
    dir,
    settings: SETTINGS,
    clock: patientClock,
    log: silentLog,
    ballastBytes: 64 * 1024,
    drainMs: 20_000,
    ...more,
  });
}

/** What the next message does to the writer thread. */
export interface Faults {
  readonly startThread: NonNullable<AuditLogOptions['startThread']>;
  /** The thread sleeps before it handles the next message, until it is woken. */
  stall(): void;
  /** Does the thread sleep now? */
  readonly asleep: boolean;
  wake(): void;
  /** The thread ends before it handles the next rows. */
  dieBeforeCommit(): void;
  /** The thread ends after it has committed the next rows and before it says so. */
  dieAfterCommit(): void;
  /** How many threads were started. */
  readonly started: number;
}

export function faultyThread(): Faults {
  const faults = new Int32Array(new SharedArrayBuffer(16));
  let started = 0;
  return {
    startThread: (data) => {
      started++;
      const entry = new URL('./audit-faulty-worker.ts', import.meta.url);
      return new Worker(entry, { workerData: { data, faults: faults.buffer } });
    },
    stall: () => void Atomics.store(faults, 0, 1),
    get asleep() {
      return Atomics.load(faults, 3) === 1;
    },
    wake: () => {
      Atomics.store(faults, 3, 0);
      Atomics.notify(faults, 3);
    },
    dieBeforeCommit: () => void Atomics.store(faults, 1, 1),
    dieAfterCommit: () => void Atomics.store(faults, 2, 1),
    get started() {
      return started;
    },
  };
}

/** Polls until `condition` holds; fails after `ms`. */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen within ${ms} ms: ${what}`);
    await sleep(5);
  }
}
