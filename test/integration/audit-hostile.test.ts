// SPDX-License-Identifier: Apache-2.0
// Rows whose texts come from a hostile caller or provider: they are stored, read, verified and exported like any other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditRow, type IntentBody } from '../../src/contract/audit-row.ts';
import { readRows } from '../../src/proxy/audit/reader.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';

test('a model name of 1 MB, lone surrogates, NULs and SQL reach the log as valid rows', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir);
  t.after(() => log.close());
  const hostile: Partial<IntentBody>[] = [
    { model: 'm'.repeat(1024 * 1024) },
    { model: '\ud83d', tools: ['\udc00', 'x'.repeat(10_000)] },
    { model: 'a\u0000b', path: '/\u0000' },
    { model: "'; DROP TABLE rows; --" },
    { model: '"kind":"outcome","request":"r0"' },
    { tools: Array.from({ length: 10_000 }, () => 'tool') },
    { messages: Number.POSITIVE_INFINITY, request_bytes: -5 },
  ];
  for (const [n, more] of hostile.entries()) {
    assert.equal(await log.intent(intentBody(`r${n}`, more)), 'go');
    log.outcome(
      outcomeBody(`r${n}`, { input_tokens: Number.NaN, output_tokens: 1.5, total_ms: -1, stop: '\udfff'.repeat(5000) }),
    );
  }
  await log.close();
  const rows = [...readRows(dir)].map(({ row }) => row);
  assert.equal(rows.length, 1 + 2 * hostile.length);
  for (const row of rows) {
    assert.ok(auditRow.safeParse(JSON.parse(JSON.stringify(row))).success);
    assert.ok(JSON.stringify(row).length < 64 * 1024);
  }
  assert.deepEqual(verifyFolder(dir).findings, []);
  // None of the calls counts as cut off.
  await (await openTestLog(dir)).close();
  assert.equal([...readRows(dir)].filter(({ row }) => row.body.kind === 'orphan').length, 0);
});
