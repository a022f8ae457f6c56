// SPDX-License-Identifier: Apache-2.0
// A real file system that is small enough to fill: a tmpfs, mounted for one test and gone after it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Undefined where none can be mounted; the test is then skipped with the reason. `size` in MiB. */
export function smallDisk(t: TestContext, size: number): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    t.skip(`needs Linux and root, to mount a file system of ${size} MiB`);
    return undefined;
  }
  const mounted = mkdtempSync(join(tmpdir(), 'outpost-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', mounted], { stdio: 'pipe' });
  } catch (error) {
    rmdirSync(mounted);
    t.skip(`cannot mount a tmpfs here: ${error instanceof Error ? error.message.split('\n')[0] : ''}`);
    return undefined;
  }
  t.after(() => {
    execFileSync('umount', ['-l', mounted], { stdio: 'pipe' });
    rmdirSync(mounted);
  });
  return mounted;
}

/** Writes a file `filler` until nothing more fits; once more takes what has become free, and gives nothing back meanwhile. */
export function fillDisk(disk: string): void {
  const filler = join(disk, 'filler');
  for (const bytes of [256 * 1024, 4096]) {
    for (;;) {
      try {
        appendFileSync(filler, Buffer.alloc(bytes, 1));
      } catch {
        break;
      }
    }
  }
  assert.ok(statfsSync(disk).bavail <= 1);
}
