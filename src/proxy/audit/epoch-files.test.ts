// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/fakes/audit-rows.ts';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { EpochFiles } from './epoch-files.ts';
import { planStart } from './start-up.ts';

test('only rows that were synced are said to survive a loss of power', (t) => {
  const dir = temporaryFolder(t);
  const plan = planStart(dir, { state: 'none' }, systemClock.now());
  const files = new EpochFiles({ dir, run: 1, clock: systemClock, log: silentLog }, plan);
  t.after(() => files.close());
  /** SQLite's word for it: 2 syncs at each commit, 1 only at a checkpoint. */
  const synchronous = () => files.file.db.pragma('synchronous', { simple: true });
  const row = { at: 1, body: '{}' };

  files.append([row], false);
  assert.deepEqual([synchronous(), files.file.end.seq, files.synced.seq], [1, 2, 1]);
  files.append([row], true);
  assert.deepEqual([synchronous(), files.file.end.seq, files.synced.seq], [2, 3, 3]);
  files.append([row], false);
  files.sync();
  assert.deepEqual([synchronous(), files.synced.seq], [2, 4]);
});
