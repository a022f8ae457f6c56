// SPDX-License-Identifier: Apache-2.0
// Which rows of a real file are looked at for a call.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { rowsOfCall } from '../../src/proxy/history/call-rows.ts';
import { readLogFile } from '../../src/proxy/history/log-rows.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';

test('an id that is the name of a member, or a value of every row, makes no row be looked at', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir);
  t.after(() => log.close());
  for (const request of [...Array.from({ length: 20 }, (_, n) => `r${n}`), 'intent']) {
    await log.intent(intentBody(request));
    log.outcome(outcomeBody(request));
  }
  await log.close();
  const [file] = listQueueFiles(dir);
  assert.ok(file !== undefined);
  const looked = (id: string) => readLogFile(file, (open) => open.rowsOf(1, 400, id).length);
  for (const id of ['request', 'decision', 'openai', 'intercept', 'outcome', 'r']) {
    assert.equal(looked(id), 0, id);
    assert.deepEqual(rowsOfCall(dir, id), []);
  }
  assert.deepEqual([looked('r7'), looked('decision-of-r7'), looked('intent')], [2, 1, 2]);
  assert.equal(rowsOfCall(dir, 'decision-of-intent').length, 2);
});
