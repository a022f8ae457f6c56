// SPDX-License-Identifier: Apache-2.0
// A lock between processes: a folder that only one can make, with the holder's process id in it. Built-in modules only.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A folder without an id is one that is just being made, unless it is older than this. Milliseconds. */
const NAMELESS_LIMIT = 10_000;

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function abandoned(folder) {
  try {
    return !alive(Number(readFileSync(join(folder, 'pid'), 'utf8')));
  } catch {
    try {
      return Date.now() - statSync(folder).mtimeMs > NAMELESS_LIMIT;
    } catch {
      return false; // it is gone: try again
    }
  }
}

/** Runs `work` while holding the lock; waits for a living holder, takes over from a dead one. */
export async function withLock(folder, work, { onWait = () => {} } = {}) {
  mkdirSync(dirname(folder), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (abandoned(folder)) {
      // Only one of several waiters can rename it; the others find it gone.
      const grave = `${folder}.${process.pid}`;
      try {
        renameSync(folder, grave);
        rmSync(grave, { recursive: true, force: true });
      } catch {}
      continue;
    }
    if (!waited) onWait();
    await pause(200);
  }
  writeFileSync(join(folder, 'pid'), String(process.pid));
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
