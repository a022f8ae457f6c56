// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import type { AuditRow, RowBody } from '../../contract/audit-row.ts';
import { rowLines, tableLine } from './table.ts';

function row(body: RowBody): AuditRow {
  return {
    v: 1,
    epoch: '0'.repeat(16),
    seq: 5,
    at: Date.UTC(2030, 0, 2),
    prev: '0'.repeat(64),
    hash: '1'.repeat(64),
    body,
  };
}

test('each kind of row is one line that names what matters', () => {
  const lines = [
    [intentBody('req-1'), /intent .*Editor .*openai .*model-a .*allow .*api\.example\.test req-1$/],
    [refusalBody('req-2'), /refusal .*OUT_BLOCKED.* req-2$/],
    [outcomeBody('req-3', { late: true }), /outcome .*complete .*200 120 in 64 out 2000 ms late req-3$/],
    [{ kind: 'orphan', request: 'req-4', intent_seq: 2 }, /orphan .*cut off .*req-4$/],
    [{ kind: 'gap', reason: 'disk-full', count: 12 }, /gap .*disk-full .*12 rows$/],
    [{ kind: 'epoch', reason: 'first' }, /epoch .*first$/],
    [{ kind: 'event', event: 'started', detail: { version: '1.0' } }, /event .*started .*\{"version":"1\.0"\}$/],
  ] as const;
  for (const [body, pattern] of lines) {
    const line = tableLine(row(body));
    assert.match(line, pattern);
    assert.match(line, /^2030-01-02 00:00:00\.000 /);
    assert.equal(line.includes('\n'), false);
  }
});

test('a hostile name cannot move the cursor or hide text', () => {
  const model = 'a\u001b[2Jb\r\nc\u202ed\u0007\u009be';
  for (const text of [
    tableLine(row(intentBody('r', { model, host: model }))),
    rowLines(row(intentBody('r', { model }))),
  ]) {
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  }
});
