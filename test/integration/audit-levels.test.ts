// SPDX-License-Identifier: Apache-2.0
// What each level promises, with a real writer thread: A3 (audit half), A7 (a stalled disk), a writer that dies, back-pressure.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { RowBody } from '../../src/contract/audit-row.ts';
import type { AuditLevel, AuditStats, OnAuditFull } from '../../src/proxy/audit/audit-log.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { newestRows, readRows } from '../../src/proxy/audit/reader.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import type { RunningAuditLog } from '../../src/proxy/audit/writer.ts';
import { faultyThread, openTestLog, SETTINGS, until } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, refusalBody, temporaryFolder } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';

function bodies(dir: string): RowBody[] {
  return [...readRows(dir)].map(({ row }) => row.body);
}

function settings(level: AuditLevel, onFull: OnAuditFull = 'degrade') {
  return { ...SETTINGS, level, onFull };
}

/** Looks from another connection, as another process would. */
function hasIntent(dir: string, request: string): boolean {
  const file = listQueueFiles(dir).at(-1);
  assert.ok(file !== undefined);
  const db = new Database(file.path, { readonly: true });
  try {
    const sql = "SELECT count(*) FROM rows WHERE body ->> '$.request' = ? AND body ->> '$.kind' = 'intent'";
    return db.prepare<[string], number>(sql).pluck().get(request) === 1;
  } finally {
    db.close();
  }
}

for (const level of ['strict', 'standard'] as const) {
  test(`${level}: when an intent may go, another connection reads its row`, async (t) => {
    const dir = temporaryFolder(t);
    const log = await openTestLog(dir, { settings: settings(level) });
    t.after(() => log.close());
    for (let n = 0; n < 30; n++) {
      const receipts = await Promise.all(
        [0, 1, 2].map(async (lane) => {
          const request = `r${n}-${lane}`;
          const receipt = await log.intent(intentBody(request));
          return receipt !== 'go' || hasIntent(dir, request);
        }),
      );
      assert.deepEqual(receipts, [true, true, true]);
    }
  });
}

test('strict: what may go survives a loss of power', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir, { settings: settings('strict') });
  t.after(() => log.close());
  for (let n = 0; n < 5; n++) {
    assert.equal(await log.intent(intentBody(`r${n}`)), 'go');
    // The watermark is what a loss of power leaves.
    assert.equal(log.stats().watermark, n + 2);
  }
});

test('relaxed: an intent goes at once and leaves no row; its outcome tells both', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir, { settings: settings('relaxed') });
  assert.equal(await log.intent(intentBody('r1')), 'go');
  log.outcome(outcomeBody('r1'));
  log.refusal(refusalBody('r2'));
  await log.close();
  const [epoch, outcome, refusal, ...rest] = bodies(dir);
  assert.deepEqual([epoch?.kind, outcome?.kind, refusal?.kind, rest], ['epoch', 'outcome', 'refusal', []]);
  assert.ok(outcome?.kind === 'outcome' && outcome.merged?.decision === 'decision-of-r1');
});

for (const { level, receipt, after } of [
  { level: 'standard', receipt: 'late', after: 250 },
  { level: 'strict', receipt: 'refuse', after: 1_000 },
  { level: 'relaxed', receipt: 'go', after: 0 },
] as const) {
  test(`${level}, stalled disk: an intent is told "${receipt}" after ${after} ms, and the event loop does not notice`, async (t) => {
    const dir = temporaryFolder(t);
    const thread = faultyThread();
    const { startThread } = thread;
    // The thread keeps its own time.
    const clock = new FakeClock();
    const log = await openTestLog(dir, { settings: settings(level), startThread, clock });
    t.after(() => log.close());
    const allStored = () =>
      until(() => {
        // Rows that nobody waits for are handed over a little later.
        clock.advance(10);
        return log.stats().pending === 0;
      }, 'every row is stored');
    assert.equal(await log.intent(intentBody('before')), 'go');
    log.outcome(outcomeBody('before'));
    await allStored();
    assert.equal(log.stats().state, 'healthy');

    thread.stall();
    // The message that falls asleep.
    log.event({ kind: 'event', event: 'started' });
    clock.advance(10);
    await until(() => thread.asleep, 'the thread stalls');
    let told = false;
    const during = log.intent(intentBody('during')).finally(() => {
      told = true;
    });
    if (after > 0) {
      await clock.advanceAsync(after - 1);
      assert.equal(told, false);
      clock.advance(1);
    }
    assert.equal(await during, receipt);
    if (level === 'standard') {
      // Traffic goes on, each request after its own deadline.
      const more = Promise.all([1, 2, 3, 4].map((n) => log.intent(intentBody(`during-${n}`))));
      clock.advance(after);
      assert.deepEqual(new Set(await more), new Set(['late']));
      assert.match(log.stats().reason ?? '', /slow/);
    }
    if (level === 'strict') log.refusal(refusalBody('during'));
    else log.outcome(outcomeBody('during'));
    // The row is handed over.
    await clock.advanceAsync(10);
    assert.ok(thread.asleep, 'nothing of this waited for the thread');
    thread.wake();
    await allStored();

    assert.equal(log.stats().state, 'healthy');
    await log.close();
    const ended = bodies(dir).find((body) => body.kind === 'outcome' && body.request === 'during');
    if (level === 'standard')
      assert.ok(ended?.kind === 'outcome' && ended.late === true, 'the outcome says that it was late');
    assert.deepEqual(verifyFolder(dir).findings, []);
  });
}

test('a stall with more traffic than the queue holds: bounded memory, and a gap row says how much was lost', async (t) => {
  const dir = temporaryFolder(t);
  const thread = faultyThread();
  const log = await openTestLog(dir, { startThread: thread.startThread });
  t.after(() => log.close());
  thread.stall();
  log.event({ kind: 'event', event: 'started' });
  await until(() => thread.asleep, 'the thread stalls');
  for (let n = 0; n < 9000; n++) log.outcome(outcomeBody(`r${n}`));
  assert.equal(log.stats().pending, 8000);
  assert.equal(log.stats().dropped, 1001);
  assert.equal(await log.intent(intentBody('r')), 'late');
  thread.wake();
  await until(() => log.stats().pending === 0, 'the queue drains');
  await log.close();
  const rows = bodies(dir);
  assert.deepEqual(rows.at(-1), { kind: 'gap', reason: 'stalled', count: 1002 });
  assert.equal(rows.filter(({ kind }) => kind === 'outcome').length, 7999);
  assert.deepEqual(verifyFolder(dir).findings, []);
});

for (const when of ['dieBeforeCommit', 'dieAfterCommit'] as const) {
  test(`a writer that dies (${when}) is started again, and each row is stored once`, async (t) => {
    const dir = temporaryFolder(t);
    const thread = faultyThread();
    const log = await openTestLog(dir, { settings: settings('strict'), startThread: thread.startThread });
    t.after(() => log.close());
    const seen: string[] = [];
    log.onRow(({ body }) => 'request' in body && seen.push(body.request));
    await log.intent(intentBody('r0'));
    thread[when]();
    const receipts = await Promise.all([1, 2, 3].map((n) => log.intent(intentBody(`r${n}`))));
    assert.deepEqual(receipts, ['go', 'go', 'go']);
    assert.equal(thread.started, 2);
    await until(() => log.stats().pending === 0, 'the rows are stored');
    await log.close();
    const requests = bodies(dir).flatMap((body) => (body.kind === 'intent' ? [body.request] : []));
    assert.deepEqual(requests, ['r0', 'r1', 'r2', 'r3']);
    assert.deepEqual(seen, requests, 'listeners see each row once');
    assert.ok(bodies(dir).every(({ kind }) => kind !== 'orphan'));
    assert.deepEqual(verifyFolder(dir).findings, []);
  });
}

for (const [onFull, receipt] of [
  ['degrade', 'late'],
  ['block', 'refuse'],
  ['drop-oldest', 'late'],
] as const) {
  test(`${onFull}: after a second death within a minute the log is down and intents are told "${receipt}"`, async (t) => {
    const dir = temporaryFolder(t);
    const thread = faultyThread();
    const log = await openTestLog(dir, { settings: settings('standard', onFull), startThread: thread.startThread });
    t.after(() => log.close());
    const states: AuditStats['state'][] = [];
    log.onStats(({ state }) => states.push(state));
    await kill(log, thread, 2);
    await kill(log, thread, undefined);
    assert.equal(log.stats().state, 'down');
    assert.match(log.stats().reason ?? '', /twice/);
    assert.equal(await log.intent(intentBody('r')), receipt);
    log.outcome(outcomeBody('r'));
    assert.ok(log.stats().dropped >= 1);
    assert.deepEqual(await log.recent(5), []);
    assert.equal(states.at(-1), 'down');
  });
}

/** Ends the thread with a row in hand; waits for the next one, or for the state `down`. */
async function kill(log: RunningAuditLog, thread: ReturnType<typeof faultyThread>, started: number | undefined) {
  thread.dieBeforeCommit();
  log.event({ kind: 'event', event: 'started' });
  if (started === undefined) return until(() => log.stats().state === 'down', 'the log gives up');
  return until(() => thread.started === started && log.stats().pending === 0, 'the writer is started again');
}

test('recent rows come newest first, also from before a restart', async (t) => {
  const dir = temporaryFolder(t);
  const first = await openTestLog(dir);
  first.refusal(refusalBody('r1'));
  await first.close();
  const log = await openTestLog(dir);
  t.after(() => log.close());
  log.refusal(refusalBody('r2'));
  const rows = await log.recent(2);
  assert.deepEqual(
    rows.map(({ body }) => 'request' in body && body.request),
    ['r2', 'r1'],
  );
  assert.deepEqual(rows, newestRows(dir, 2));
});

test('listeners get rows as they are stored, in order', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir);
  const heard: unknown[] = [];
  log.onRow((row) => heard.push(row));
  for (let n = 0; n < 20; n++) {
    await log.intent(intentBody(`r${n}`));
    log.outcome(outcomeBody(`r${n}`));
  }
  await log.close();
  assert.deepEqual(heard, [...readRows(dir)].map(({ row: { at, body } }) => ({ at, body })).slice(1));
});

test('after close an intent is refused and nothing fails', async (t) => {
  const log = await openTestLog(temporaryFolder(t));
  await log.close();
  await log.close();
  assert.equal(await log.intent(intentBody('r')), 'refuse');
  log.outcome(outcomeBody('r'));
  assert.deepEqual(await log.recent(1), []);
});

test('a folder that cannot be used leaves the log down, not the daemon', async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'file'), '');
  const log = await openTestLog(join(dir, 'file', 'audit'));
  t.after(() => log.close());
  assert.equal(log.stats().state, 'down');
  assert.match(log.stats().reason ?? '', /twice within a minute: ENOTDIR: .*file\/audit/, 'the operator is told why');
  assert.equal(await log.intent(intentBody('r')), 'late');
  // `strict` promises a row of each call, whatever happens at the cap.
  log.configure(settings('strict', 'degrade'));
  assert.equal(await log.intent(intentBody('r')), 'refuse');
});

test('a lock file that is none leaves the log down and is named', async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'lock'), 'something else entirely');
  const log = await openTestLog(dir);
  t.after(() => log.close());
  assert.match(log.stats().reason ?? '', /\/lock: file is not a database$/);
});
