// SPDX-License-Identifier: Apache-2.0
// Chooses how connections are attributed on this platform and puts cap and cache in front of it. Must not know what the answer
// is used for.

import { accessSync, constants } from 'node:fs';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { cachedLookup } from './cached.ts';
import { createWorkerLookup } from './linux/worker-lookup.ts';
import type { Identity } from './owner.ts';
import { createSpawnedLookup, runTool } from './spawned/spawned-lookup.ts';

export interface IdentityOptions {
  /** For tests; else the platform that this runs on. */
  readonly platform?: NodeJS.Platform;
  readonly clock: Clock;
  readonly log: Log;
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts attributing (on Linux: its worker thread). `close` ends it. */
export function openIdentity({ platform = process.platform, clock, log }: IdentityOptions): Identity {
  const attributed = (
    known: boolean,
    lookup: Parameters<typeof cachedLookup>[0],
    close: () => Promise<void>,
  ): Identity => ({
    ...cachedLookup(lookup, clock),
    knowsUid: known,
    close,
  });
  if (platform === 'linux') {
    const worker = createWorkerLookup(new URL('./linux/worker.ts', import.meta.url), clock, log);
    return attributed(readable('/proc/net/tcp'), worker.lookup, worker.close);
  }
  if (platform === 'darwin' || platform === 'win32') {
    const system = process.env['SystemRoot'] ?? 'C:\\Windows';
    // lsof's answer mostly comes after the cap, so no decision may count on a uid here.
    return attributed(false, createSpawnedLookup(platform, runTool, system), () => Promise.resolve());
  }
  return attributed(
    false,
    () => Promise.resolve({ uid: undefined, owner: undefined }),
    () => Promise.resolve(),
  );
}
