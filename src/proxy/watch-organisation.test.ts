// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createHealth } from './health/registry.ts';
import type { UploadStatus } from './upload/uploader.ts';
import { warnOfOrganisation } from './watch-organisation.ts';

const DAY = 86_400_000;

test('an upload that never began is told when its oldest row is a day old, and no more when it is sent', (t) => {
  const clock = new FakeClock();
  const health = createHealth({ clock });
  t.after(() => health.close());
  const warnings = warnOfOrganisation(health);
  const codes = (): readonly string[] => {
    clock.advance(60_000);
    return health.items().map(({ code }) => code);
  };
  const since = clock.now();
  const status: UploadStatus = {
    state: 'idle',
    rows: 3,
    bytes: 1,
    oldest: since,
    quarantined: 0,
    lastSuccess: undefined,
    lastError: undefined,
    epoch: '',
    seq: 0,
    stopped: [],
    unsentFrom: '',
  };
  warnings.upload(status, since + DAY - 1);
  assert.deepEqual(codes(), []);
  warnings.upload(status, since + DAY + 1);
  assert.deepEqual(codes(), ['upload-behind']);
  warnings.upload({ ...status, oldest: undefined }, since + DAY + 2);
  assert.deepEqual(codes(), []);
});
