// SPDX-License-Identifier: Apache-2.0
// Invariant A5: a full log or a full disk at any point: no crash, no damaged file, a gap row, service again within 5 s of space
// returning, and calls are told what `audit.on_full` says.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditRow, RowBody } from '../../src/contract/audit-row.ts';
import type { OnAuditFull } from '../../src/proxy/audit/audit-log.ts';
import { readRows } from '../../src/proxy/audit/reader.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import type { RunningAuditLog } from '../../src/proxy/audit/writer.ts';
import { MB, openTestLog, SETTINGS, until } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';
import { fillDisk, smallDisk } from '../fakes/small-disk.ts';

function rowsOf(dir: string): AuditRow[] {
  return [...readRows(dir)].map(({ row }) => row);
}

function bodiesOf(dir: string): RowBody[] {
  return rowsOf(dir).map(({ body }) => body);
}

/** Calls until the log is full; returns the requests that were told to go. */
async function fill(log: RunningAuditLog, prefix: string): Promise<string[]> {
  const gone: string[] = [];
  for (let n = 0; log.stats().state !== 'full'; n++) {
    assert.ok(n < 20_000, 'the log becomes full');
    const request = `${prefix}${n}`;
    if ((await log.intent(intentBody(request))) === 'go') gone.push(request);
    log.outcome(outcomeBody(request));
  }
  return gone;
}

for (const [onFull, receipt] of [
  ['degrade', 'late'],
  ['block', 'refuse'],
] as const) {
  test(`own cap, ${onFull}: full calls are told "${receipt}", and a raised cap relieves`, async (t) => {
    const dir = temporaryFolder(t);
    const settings = { ...SETTINGS, onFull, capBytes: MB };
    const log = await openTestLog(dir, { settings });
    t.after(() => log.close());
    const gone = await fill(log, 'r');
    assert.equal(await log.intent(intentBody('full')), receipt);
    if (receipt === 'late') log.outcome(outcomeBody('full'));
    log.configure({ ...settings, capBytes: 64 * MB });
    await until(() => log.stats().state === 'healthy', 'the log is relieved', 5000);
    assert.equal(await log.intent(intentBody('after')), 'go');
    await log.close();
    const bodies = bodiesOf(dir);
    const intents = new Set(bodies.flatMap((body) => (body.kind === 'intent' ? [body.request] : [])));
    assert.deepEqual(new Set(gone).difference(intents), new Set(), 'what was told to go has a row');
    const merged = bodies.find((body) => body.kind === 'outcome' && body.request === 'full');
    if (receipt === 'late') assert.ok(merged?.kind === 'outcome' && merged.merged?.host === 'api.example.test');
    assert.ok(bodies.some((body) => body.kind === 'event' && body.event === 'audit-recovered'));
    assert.deepEqual(verifyFolder(dir).findings, []);
  });
}

test('own cap, drop-oldest: traffic flows, old files go, and their gap rows explain it', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir, { settings: { ...SETTINGS, onFull: 'drop-oldest', capBytes: 2 * MB } });
  t.after(() => log.close());
  for (let n = 0; n < 40; n++) {
    const receipts = await Promise.all(Array.from({ length: 100 }, (_, k) => log.intent(intentBody(`r${n}-${k}`))));
    assert.equal(receipts.includes('refuse'), false);
  }
  assert.notEqual(log.stats().state, 'full');
  await log.close();
  const { findings, explained } = verifyFolder(dir);
  assert.deepEqual(findings, []);
  assert.ok(explained.some(({ reason, epoch }) => reason === 'cap' && epoch !== undefined));
});

for (const [onFull, receipt] of [
  ['degrade', 'late'],
  ['block', 'refuse'],
  ['drop-oldest', 'late'],
] as const satisfies readonly (readonly [OnAuditFull, string])[]) {
  test(`full disk, ${onFull}: calls are told "${receipt}", and service resumes within 5 s of space returning`, async (t) => {
    const disk = smallDisk(t, 6);
    if (disk === undefined) return;
    const dir = join(disk, 'audit');
    const log = await openTestLog(dir, { settings: { ...SETTINGS, onFull }, ballastBytes: 512 * 1024 });
    t.after(() => log.close());
    assert.equal(await log.intent(intentBody('before')), 'go');
    fillDisk(disk);
    const gone = ['before', ...(await fill(log, 'a'))];
    await until(() => log.stats().pending === 0, 'rows are settled');
    assert.equal(log.stats().dropped, 0, 'the ballast took the rows that found the disk full');
    fillDisk(disk);
    assert.equal(await log.intent(intentBody('full')), receipt);
    // Far more than the ballast holds: rows are lost, and counted.
    for (let n = 0; log.stats().dropped === 0; n++) {
      assert.ok(n < 20_000, 'the ballast is used up');
      log.outcome(outcomeBody(`b${n}`));
      if (n % 50 === 0) await until(() => log.stats().pending === 0, 'rows are settled');
    }
    await until(() => log.stats().pending === 0, 'rows are settled');
    assert.equal(log.stats().state, 'full');
    const { dropped } = log.stats();

    rmSync(join(disk, 'filler'));
    await until(() => log.stats().state === 'healthy', 'the log recovers', 5000);
    assert.equal(await log.intent(intentBody('after')), 'go');
    gone.push('after');
    await log.close();
    const bodies = bodiesOf(dir);
    const intents = new Set(bodies.flatMap((body) => (body.kind === 'intent' ? [body.request] : [])));
    assert.deepEqual(new Set(gone).difference(intents), new Set(), 'what was told to go has a row');
    const lost = bodies.reduce(
      (sum, body) => sum + (body.kind === 'gap' && body.reason === 'disk-full' ? (body.count ?? 0) : 0),
      0,
    );
    assert.equal(lost, dropped, 'the gap rows count what was lost');
    const { findings } = verifyFolder(dir);
    assert.deepEqual(findings, []);
  });
}

test('a disk that is full at the start: the ballast makes room for the log to open', async (t) => {
  const disk = smallDisk(t, 6);
  if (disk === undefined) return;
  const dir = join(disk, 'audit');
  const ballastBytes = 512 * 1024;
  const first = await openTestLog(dir, { ballastBytes });
  await first.intent(intentBody('r1'));
  await first.close();
  fillDisk(disk);
  const log = await openTestLog(dir, { ballastBytes });
  t.after(() => log.close());
  assert.equal(log.stats().state, 'full');
  rmSync(join(disk, 'filler'));
  await until(() => log.stats().state === 'healthy', 'the log recovers', 5000);
  assert.equal(await log.intent(intentBody('r2')), 'go');
  await log.close();
  assert.deepEqual(verifyFolder(dir).findings, []);
});
