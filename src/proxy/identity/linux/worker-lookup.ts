// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the identity worker: asks it, starts it anew when it dies, and answers "unknown" meanwhile. Knows
// nothing of /proc.

import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../../contract/clock.ts';
import type { Log } from '../../../contract/log.ts';
import type { Lookup } from '../cached.ts';
import type { Attribution } from '../owner.ts';
import type { LookupReport, LookupRequest } from './messages.ts';

/** Lookups that may wait; a flood of connections beyond this is answered "unknown" at once. */
const MAX_WAITING = 1024;
/** A worker that dies is started anew after this; twice as late each time in a row, up to a minute. Milliseconds. */
const RESPAWN_MS = 500;
const RESPAWN_MAX_MS = 60_000;

interface Waiting {
  known: Attribution;
  readonly partly: (known: Attribution) => void;
  readonly resolve: (answer: Attribution) => void;
}

export interface WorkerLookup {
  readonly lookup: Lookup;
  close(): Promise<void>;
}

/** `entry` is the worker's file. The worker never keeps the process alive. */
export function createWorkerLookup(entry: URL, clock: Clock, log: Log): WorkerLookup {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let worker: Worker | undefined;
  let respawn: Timer | undefined;
  let deaths = 0;
  let closed = false;

  const settle = (id: number, answer: Attribution) => {
    const entryOfId = waiting.get(id);
    waiting.delete(id);
    entryOfId?.resolve(answer);
  };

  const onReport = (report: LookupReport) => {
    deaths = 0;
    const entryOfId = waiting.get(report.id);
    if (entryOfId === undefined) return;
    if (report.kind === 'uid') {
      entryOfId.known = { uid: report.uid, owner: undefined };
      entryOfId.partly(entryOfId.known);
    } else settle(report.id, { uid: report.uid, owner: report.owner });
  };

  const start = () => {
    const fresh = new Worker(entry, { name: 'identity', resourceLimits: { maxOldGenerationSizeMb: 64 } });
    fresh.unref();
    fresh.on('message', onReport);
    // 'exit' follows 'error', and is where the death is handled.
    fresh.on('error', (error) => log.error('identity-worker-error', { error: String(error) }));
    fresh.on('exit', () => {
      if (worker === fresh) worker = undefined;
      for (const [id, { known }] of waiting) settle(id, known);
      if (closed) return;
      deaths += 1;
      const wait = Math.min(RESPAWN_MS * 2 ** (deaths - 1), RESPAWN_MAX_MS);
      log.warn('identity-worker-died', { respawn_ms: wait });
      respawn = clock.after(wait, start);
    });
    worker = fresh;
  };
  start();

  return {
    lookup: (peer, partly) => {
      const to = worker;
      if (to === undefined || waiting.size >= MAX_WAITING) return Promise.resolve({ uid: undefined, owner: undefined });
      const id = nextId++;
      return new Promise((resolve) => {
        waiting.set(id, { known: { uid: undefined, owner: undefined }, partly, resolve });
        const request: LookupRequest = { id, peer };
        to.postMessage(request);
      });
    },
    close: async () => {
      closed = true;
      respawn?.clear();
      await worker?.terminate();
    },
  };
}
