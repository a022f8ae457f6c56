// SPDX-License-Identifier: Apache-2.0
// Invariant A4 for a process that is killed in the middle of uploads, at each step of them: what was sent is not doubled, what was not is
// not lost. The real thread, the real clock. OUTPOST_CRASH_LOOPS raises the kills, of all tests together.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/proxy/clock.ts';
import { type MemoryReceiver, startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';
import type { ChildOptions } from '../fakes/upload-crash-child.ts';
import { STEPS } from '../fakes/upload-crash-worker.ts';
import { assertAcknowledged, assertAllArrived, rowsOnDisk } from './upload-kit.ts';

/** Kills at each step; which time it comes by is that of the list, over and over. */
const KILLS = Math.max(2, Math.ceil(Number(process.env['OUTPOST_CRASH_LOOPS'] ?? 0) / STEPS.length));
const TIMES = [1, 3, 2];
const CHILD = fileURLToPath(new URL('../fakes/upload-crash-child.ts', import.meta.url));

async function run(
  t: TestContext,
  receiver: MemoryReceiver,
  more: Pick<ChildOptions, 'dir' | 'prefix' | 'step' | 'times'>,
) {
  const url = `http://127.0.0.1:${receiver.port}`;
  const key = receiver.key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const options: ChildOptions = { url, key, keyid: receiver.keyid, ...more };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, said };
}

for (const step of STEPS) {
  test(`killed at the step "${step}", every row still arrives exactly once`, async (t) => {
    const dir = temporaryFolder(t);
    mkdirSync(join(dir, 'org'));
    const receiver = await startMemoryReceiver({ clock: systemClock });
    t.after(() => receiver.close());
    for (let kill = 0; kill < KILLS; kill++) {
      const times = TIMES[kill % TIMES.length] ?? 1;
      const { signal, said } = await run(t, receiver, { dir, prefix: `${step}-${kill}`, step, times });
      assert.deepEqual([signal, said], ['SIGKILL', '']);
    }
    const { code, said } = await run(t, receiver, { dir, prefix: 'end', step: undefined, times: 0 });
    assert.deepEqual([code, said], [0, '']);
    const rows = await assertAllArrived(join(dir, 'audit'), receiver);
    assert.equal(receiver.arrivals.length, rows);
    assertAcknowledged({ auditDir: join(dir, 'audit'), orgDir: join(dir, 'org') });
    assert.ok(rowsOnDisk(join(dir, 'audit')).size > 1, 'rotation was among it');
    assert.deepEqual(receiver.errors, []);
    if (step === 'posted' || step === 'before-save') assert.ok(receiver.repeated > 0, 'rows were sent again');
  });
}
