// SPDX-License-Identifier: Apache-2.0
// One writer for a folder: a second one is told so, and a killed one is not in the way.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AuditLockedError } from '../../src/proxy/audit/lock-error.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { intentBody, temporaryFolder } from '../fakes/audit-rows.ts';

const CHILD = fileURLToPath(new URL('../fakes/audit-crash-child.ts', import.meta.url));

test('a second writer in the same process is refused, until the first has closed', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir);
  await assert.rejects(openTestLog(dir), AuditLockedError);
  assert.equal(await log.intent(intentBody('r')), 'go', 'the first does not notice');
  await log.close();
  const second = await openTestLog(dir);
  await second.close();
});

test('a writer in another process is named; once it is killed, its lock is no more', async (t) => {
  const dir = temporaryFolder(t);
  const child = spawn(process.execPath, [CHILD, dir, 'standard', 'child'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  await assert.rejects(openTestLog(dir), (error: Error) => {
    assert.ok(error instanceof AuditLockedError);
    assert.match(error.message, new RegExp(`another outpostd \\(process ${child.pid}\\)`));
    return true;
  });
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  const log = await openTestLog(dir);
  t.after(() => log.close());
  assert.equal(await log.intent(intentBody('r')), 'go');
  await log.close();
  assert.deepEqual(verifyFolder(dir).findings, []);
});
