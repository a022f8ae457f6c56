// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETTINGS } from '../../../test/fakes/audit-log.ts';
import { statsOf } from './stats.ts';
import type { WriterStatus } from './writer-protocol.ts';

const status: WriterStatus = { mode: 'open', epoch: 'e', seq: 9, watermark: 7, bytes: 100, capBytes: 1000 };
const input = { settings: SETTINGS, status, down: undefined, pending: 0, late: 0, dropped: 0 };

for (const [what, more, state, reason] of [
  ['all well', {}, 'healthy', undefined],
  ['70 % of the cap used', { status: { ...status, bytes: 700 } }, 'degraded', /70 %/],
  ['rows later than their deadline', { late: 3 }, 'degraded', /slow: 3 rows/],
  ['cap reached', { status: { ...status, mode: 'cap' } }, 'full', /limit/],
  ['disk full', { status: { ...status, mode: 'disk' } }, 'full', /disk is full/],
  ['no writer', { down: 'it failed twice' }, 'down', /it failed twice/],
  ['not yet open', { status: undefined }, 'down', /being opened/],
] as const) {
  test(`state with ${what}: ${state}`, () => {
    const stats = statsOf({ ...input, ...more });
    assert.equal(stats.state, state);
    if (reason === undefined) assert.equal(stats.reason, undefined);
    else assert.match(stats.reason ?? '', reason);
  });
}
