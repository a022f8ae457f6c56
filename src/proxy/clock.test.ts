// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from './clock.ts';

/** Keeps the process alive while an unref'd timer is awaited. */
async function holding<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, 1000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}

test('after runs once and its order follows the delays', async () => {
  const ran: string[] = [];
  await holding(
    new Promise<void>((resolve) => {
      systemClock.after(20, () => {
        ran.push('late');
        resolve();
      });
      systemClock.after(1, () => ran.push('soon'));
    }),
  );
  assert.deepEqual(ran, ['soon', 'late']);
});

test('a cleared timer never runs', async () => {
  let ran = false;
  const timer = systemClock.after(1, () => {
    ran = true;
  });
  timer.clear();
  await holding(new Promise<void>((resolve) => systemClock.after(30, resolve)));
  assert.equal(ran, false);
});

test('every repeats until it is cleared', async () => {
  let ticks = 0;
  await holding(
    new Promise<void>((resolve) => {
      const timer = systemClock.every(1, () => {
        ticks += 1;
        if (ticks === 3) {
          timer.clear();
          resolve();
        }
      });
    }),
  );
  await holding(new Promise<void>((resolve) => systemClock.after(20, resolve)));
  assert.equal(ticks, 3);
});

test('refresh starts the full time anew', async () => {
  // Node dates timers from the turn's begin: in a turn of its own that is now.
  await nextTurn();
  const start = systemClock.monotonic();
  const ended = await holding(
    new Promise<number>((resolve) => {
      const watched = systemClock.after(60, () => resolve(systemClock.monotonic()));
      systemClock.after(40, () => watched.refresh());
    }),
  );
  assert.ok(ended - start >= 95, `ran after ${ended - start} ms`);
});

test('a very long delay does not turn into an immediate one', async () => {
  let ran = false;
  const timer = systemClock.after(2 ** 40, () => {
    ran = true;
  });
  await holding(new Promise<void>((resolve) => systemClock.after(30, resolve)));
  timer.clear();
  assert.equal(ran, false);
});

test('monotonic never goes back and now is the wall clock', () => {
  const first = systemClock.monotonic();
  assert.ok(systemClock.monotonic() >= first);
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});

test('a waiting timer does not keep the process alive', () => {
  const url = fileURLToPath(new URL('./clock.ts', import.meta.url));
  const code = `import { systemClock } from ${JSON.stringify(url)}; systemClock.after(60_000, () => {}); systemClock.every(60_000, () => {});`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', code], { timeout: 30_000 });
  assert.equal(child.signal, null, 'had to be killed');
  assert.equal(child.status, 0, String(child.stderr));
});
