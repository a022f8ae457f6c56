// SPDX-License-Identifier: Apache-2.0
// Is there room for the audit log to grow?

import type { Check } from '../check.ts';

const MIB = 2 ** 20;
/** Below this the log's own reserve (8 MB) and its smallest cap (16 MB) come into reach. */
const FAIL_BELOW = 64 * MIB;
/** The log may take 5 % of the free disk: 1 GiB leaves it some 50 MB. */
const WARN_BELOW = 1_024 * MIB;

export const diskCheck: Check = {
  name: 'disk',
  async run({ freeBytes, dataDir }) {
    let free: number;
    try {
      free = await freeBytes(dataDir);
    } catch {
      return { status: 'unknown', summary: `The disk of ${dataDir} could not be asked; the folder may not exist yet.` };
    }
    const summary = `${Math.floor(free / MIB)} MiB are free for the audit log.`;
    const fix = 'Free disk space.';
    if (free < FAIL_BELOW) return { status: 'fail', summary, fix };
    return free < WARN_BELOW ? { status: 'warn', summary, fix } : { status: 'ok', summary };
  },
};
