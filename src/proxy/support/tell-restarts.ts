// SPDX-License-Identifier: Apache-2.0
// Raises the warning about unexpected ends at the daemon's start, and takes it back a day after the last one. Knows no file.

import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { type Restarts, TOLD_MS, takeRestarts } from './restarts.ts';

export interface TellParts {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: {
    set(code: 'daemon-restarted', args: Restarts): void;
    clear(code: 'daemon-restarted'): void;
  };
  /** On which a program may be ended without being told. */
  readonly platform?: NodeJS.Platform;
  /** How long the machine has been up, sleep included. */
  readonly machineUpMs: number;
}

/** Once, when no other daemon can use the folder any more. Returns the end of it. */
export function tellRestarts({
  dataDir,
  clock,
  log,
  health,
  machineUpMs,
  platform = process.platform,
}: TellParts): () => void {
  const now = clock.now();
  try {
    const restarts = takeRestarts(dataDir, now, now - machineUpMs, platform !== 'win32');
    if (restarts === undefined) return () => undefined;
    log.warn('ended-unexpectedly', { found: new Date(restarts.at).toISOString(), times: restarts.times });
    health.set('daemon-restarted', restarts);
    const timer = clock.after(restarts.at + TOLD_MS - now, () => health.clear('daemon-restarted'));
    return () => timer.clear();
  } catch (error) {
    log.warn('restarts-not-kept', { error: String(error) });
    return () => undefined;
  }
}
