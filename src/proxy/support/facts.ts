// SPDX-License-Identifier: Apache-2.0
// Facts about this machine and person for the support bundle. Asks the system; decides nothing.

import { arch, availableParallelism, freemem, homedir, platform, release, totalmem, uptime, userInfo } from 'node:os';
import type { Machine } from './bundle.ts';
import type { Person } from './clean.ts';

export function machineFacts(): Machine {
  return {
    platform: platform(),
    release: release(),
    arch: arch(),
    node: process.version,
    cpus: availableParallelism(),
    memory_bytes: totalmem(),
    free_memory_bytes: freemem(),
    up_seconds: Math.round(uptime()),
  };
}

export function personHere(): Person {
  return { home: homedir(), user: userName() };
}

/** A process may run as a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
