// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';

const folder = mkdtempSync(join(tmpdir(), 'outpost-lock-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('several processes take turns', async () => {
  const diary = join(folder, 'diary');
  const lock = join(folder, 'turns.lock');
  writeFileSync(diary, '');
  const url = fileURLToPath(new URL('./lock.mjs', import.meta.url));
  const code = `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    import { withLock } from ${JSON.stringify(url)};
    await withLock(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(diary)}, 'in ');
      await pause(50);
      appendFileSync(${JSON.stringify(diary)}, 'out ');
    });`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  await Promise.all([run(), run(), run()]);
  assert.equal(readFileSync(diary, 'utf8'), 'in out in out in out ');
  assert.equal(existsSync(lock), false);
});

test('the lock of a dead process is taken over, and failing work frees it', async () => {
  const lock = join(folder, 'dead.lock');
  mkdirSync(lock);
  writeFileSync(join(lock, 'pid'), '999999999');
  await assert.rejects(
    withLock(lock, async () => {
      assert.equal(readFileSync(join(lock, 'pid'), 'utf8'), String(process.pid));
      throw new Error('work failed');
    }),
    /work failed/,
  );
  assert.equal(existsSync(lock), false);
});
