// SPDX-License-Identifier: Apache-2.0
// Is this machine's clock plausible? Asks nobody outside: whatever was recorded earlier must not lie in the future.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, DoctorContext } from '../check.ts';

/** Clocks that are set by the network step by less than this. Milliseconds. */
const TOLERANCE_MS = 120_000;
const MOST_FILES = 200;

async function newestFile(folder: string): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all(
    names.slice(0, MOST_FILES).map((name) =>
      stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return times.length === 0 ? undefined : Math.max(...times);
}

async function evidence(context: DoctorContext, signal: AbortSignal): Promise<readonly number[]> {
  const [tail, file] = await Promise.all([
    context.auditTail(signal).catch(() => undefined),
    newestFile(context.dataDir),
  ]);
  const row = tail?.kind === 'intact' ? tail.newestAt : undefined;
  return [row, file].filter((time) => time !== undefined);
}

export const clockCheck: Check = {
  name: 'clock',
  async run(context, signal) {
    const times = await evidence(context, signal);
    if (times.length === 0)
      return { status: 'unknown', summary: 'There is nothing on this machine to compare the clock with yet.' };
    const ahead = Math.max(...times) - context.clock.now();
    if (ahead > TOLERANCE_MS)
      return {
        status: 'fail',
        summary: `The clock is behind: something was recorded ${Math.round(ahead / 60_000)} minutes in the future.`,
        fix: 'Set the date and time, and switch automatic time on.',
      };
    return {
      status: 'ok',
      summary: 'The clock is not behind what was recorded before. Whether it is ahead cannot be told here.',
    };
  },
};
