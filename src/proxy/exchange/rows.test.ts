// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeRow } from './rows.ts';

test('the members of a row stand in the order of its canonical text, so that it is written in one go', () => {
  const row = outcomeRow({
    request: 'req_1',
    result: 'complete',
    provider: 'openai',
    error: undefined,
    status: 200,
    reader: undefined,
    upstreamRequestId: 'up_1',
    requestBytes: 1,
    responseBytes: 2,
    firstContentMs: 1.26,
    totalMs: 3,
    upstreamTls: { version: 'TLSv1.3', cipher: 'c' },
  });
  assert.deepEqual(Object.keys(row), Object.keys(row).toSorted());
  assert.deepEqual(Object.keys(row.upstream_tls ?? {}), ['cipher', 'version']);
  assert.equal(row.first_content_ms, 1.3);
});
