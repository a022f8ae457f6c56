// SPDX-License-Identifier: Apache-2.0
// Usage, pages of calls and single calls from files that the real writer has written, while it writes, after crashes, damage and
// retention. Without a thread of their own: what is asked here is what they read.

import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import type { IntentBody, OutcomeBody } from '../../src/contract/audit-row.ts';
import type { ActivityItem } from '../../src/contract/local-api.ts';
import {
  type CallsQuery,
  callDetail,
  callsPage,
  type UsageReport,
  usageReport,
} from '../../src/contract/local-history.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import type { RunningAuditLog } from '../../src/proxy/audit/writer.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { callDetail as detailOf } from '../../src/proxy/history/call-detail.ts';
import { rowsOfCall } from '../../src/proxy/history/call-rows.ts';
import { callsPage as pageOf } from '../../src/proxy/history/calls.ts';
import { createPrices } from '../../src/proxy/history/prices.ts';
import { UsageLog } from '../../src/proxy/history/usage-log.ts';
import { makeQueue } from '../bench/queue.ts';
import { openTestLog, SETTINGS } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, refusalBody, temporaryFolder } from '../fakes/audit-rows.ts';

/** Rotates as soon as a file has its smallest size. */
const SMALL = { fileBytes: 1 };
const costOf = createPrices({ types: [], overrides: [{ model: '*', price: { input: 1, output: 1 } }] });

const page = (dir: string, query: CallsQuery = {}) => callsPage.parse(pageOf(dir, query));
const detail = (dir: string, id: string) => {
  const found = detailOf(rowsOfCall(dir, id), costOf);
  return found === undefined ? undefined : callDetail.parse(found);
};
function report(log: UsageLog, now: number): UsageReport {
  const pieces = log.report(now, 'UTC', costOf);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return usageReport.parse(value);
  }
}
const usageBy = (log: UsageLog): UsageReport => report(log, systemClock.now());
const usage = (dir: string): UsageReport => usageBy(new UsageLog(dir));
/** Without the moment at which it was asked for. */
const counted = ({ at: _, ...rest }: UsageReport) => rest;

function allCalls(dir: string, query: CallsQuery = {}): readonly ActivityItem[] {
  const calls: ActivityItem[] = [];
  for (let before: string | undefined; ; ) {
    const { calls: some, next } = page(dir, { ...query, ...(before === undefined ? {} : { before }) });
    calls.push(...some);
    if (next === undefined) return calls;
    assert.notEqual(next, before);
    before = next;
  }
}

async function call(
  log: RunningAuditLog,
  request: string,
  about: Partial<IntentBody> = {},
  end: Partial<OutcomeBody> = {},
) {
  await log.intent(intentBody(request, about));
  log.outcome(outcomeBody(request, end));
}

/** It is closed also when the test fails. */
async function openLog(
  t: TestContext,
  dir: string,
  more: Parameters<typeof openTestLog>[1] = {},
): Promise<RunningAuditLog> {
  const log = await openTestLog(dir, more);
  t.after(() => log.close());
  return log;
}

/** So many calls, one after the other: `PREFIX0`, `PREFIX1` ... */
async function calls(dir: string, prefix: string, count: number, more: { fileBytes?: number } = {}): Promise<void> {
  const log = await openTestLog(dir, more);
  for (let n = 0; n < count; n++) await call(log, `${prefix}${n}`);
  await log.close();
}

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${count - 1 - n}`);
const idsOf = (found: readonly ActivityItem[]) => found.map(({ id }) => id);

test('pages go through the whole log, newest first, each call once, over several files', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 330, SMALL);
  assert.ok(listQueueFiles(dir).length >= 3);
  const found = allCalls(dir);
  assert.deepEqual(idsOf(found), numbered('r', 330));
  assert.ok(found.every(({ result, decision }) => result === 'complete' && decision === 'allowed'));
});

test('pages stay as they are while rows arrive', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'old', 150);
  const first = page(dir);
  assert.ok(first.next !== undefined);
  const second = page(dir, { before: first.next });
  const log = await openLog(t, dir);
  for (let n = 0; n < 20; n++) await call(log, `new${n}`);
  await log.close();
  assert.deepEqual(page(dir, { before: first.next }), second);
  assert.deepEqual([...idsOf(first.calls), ...idsOf(second.calls)], numbered('old', 150));
  assert.equal(page(dir).calls[0]?.id, 'new19');
});

test('a call that ends long after it began has its end on whatever page it stands', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir, SMALL);
  await log.intent(intentBody('long', { target_model: 'first' }));
  await log.intent(intentBody('other'));
  await log.intent(intentBody('running'));
  for (let n = 0; n < 120; n++) await call(log, `r${n}`);
  await log.intent(intentBody('long', { target_model: 'second', attempt: 2 }));
  log.outcome(outcomeBody('long', { provider: 'elsewhere' }));
  log.outcome(outcomeBody('other', { result: 'broken' }));
  await log.close();
  const [running, other, long] = allCalls(dir).slice(-3);
  assert.deepEqual([running?.id, running?.result], ['running', 'running']);
  assert.deepEqual([other?.id, other?.result], ['other', 'broken']);
  assert.deepEqual([long?.id, long?.provider, long?.sent_model], ['long', 'elsewhere', 'second']);
  assert.deepEqual(idsOf(allCalls(dir, { text: 'ELSEwhere' })), ['long']);
});

test('filters: by decision, and by parts of app, provider, model, error and ids in any case', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir);
  await call(log, 'one', { app: 'Größer', model: 'gpt-x' });
  await call(log, 'two', { provider: 'mistral' }, { provider: 'mistral' });
  await call(log, 'three', {}, { error: 'OUT_UPSTREAM_TIMEOUT', result: 'failed' });
  log.refusal(refusalBody('four'));
  await log.close();
  for (const [query, expected] of [
    [{ decision: 'blocked' }, ['four']],
    [{ decision: 'allowed' }, ['three', 'two', 'one']],
    [{ text: 'GRÖSSER' }, []],
    [{ text: 'GRÖß' }, ['one']],
    [{ text: 'PT-X' }, ['one']],
    [{ text: 'mistral' }, ['two']],
    [{ text: 'upstream_time' }, ['three']],
    [{ text: 'blocked_model' }, ['four']],
    [{ text: 'decision-of-tw' }, ['two']],
    [{ text: 'mistral', decision: 'blocked' }, []],
  ] as const) {
    assert.deepEqual(idsOf(allCalls(dir, query)), expected, JSON.stringify(query));
  }
});

test('a search that finds nothing is bounded: its page is empty and says where to go on', (t) => {
  const dir = temporaryFolder(t);
  makeQueue(dir, 50_000);
  const first = page(dir, { text: 'nothing like this' });
  assert.deepEqual(first.calls, []);
  assert.ok(first.next !== undefined);
  assert.deepEqual(allCalls(dir, { text: 'nothing like this' }), []);
  assert.deepEqual(idsOf(allCalls(dir, { text: 'r1-0' })), ['r1-0']);
});

test('places that are none, of files that are gone, and of no row', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 5);
  const [file] = listQueueFiles(dir);
  for (const before of ['x', '1', '1.2.3', '-1.2', '1.-2', 'a.b', '9'.repeat(20)])
    assert.equal(pageOf(dir, { before }), undefined);
  assert.deepEqual(page(dir, { before: '1.5' }), { calls: [] }, 'older than the log');
  assert.deepEqual(idsOf(page(dir, { before: `${(file?.created ?? 0) + 1}.1` }).calls), numbered('r', 5));
  assert.deepEqual(idsOf(page(dir, { before: `${file?.created}.999999` }).calls), numbered('r', 5));
});

test('level relaxed: calls without an intent row are calls like others', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir, { settings: { ...SETTINGS, level: 'relaxed' } });
  await call(log, 'r1');
  log.refusal(refusalBody('r2'));
  await log.close();
  const found = allCalls(dir);
  assert.deepEqual(idsOf(found), ['r2', 'r1']);
  assert.deepEqual([found[1]?.app, found[1]?.model, found[1]?.result], ['Editor', 'model-a', 'complete']);
  const { total, apps } = usage(dir);
  assert.deepEqual([total.calls, total.blocked, total.input_tokens, apps[0]?.name], [1, 1, 120, 'Editor']);
  assert.equal(detail(dir, 'decision-of-r1')?.call.id, 'r1');
  assert.equal(detail(dir, 'r1')?.decision.id, 'decision-of-r1');
});

test('a call that a crash cut off is lost, in the list, in full and in the totals', async (t) => {
  const dir = temporaryFolder(t);
  const crashed = await openLog(t, dir);
  await crashed.intent(intentBody('cut'));
  await crashed.close();
  await calls(dir, 'r', 1);
  const [, cut] = allCalls(dir);
  assert.deepEqual([cut?.id, cut?.result], ['cut', 'lost']);
  assert.deepEqual([detail(dir, 'cut')?.call.result, detail(dir, 'cut')?.attempts[0]?.result], ['lost', 'lost']);
  assert.equal(usage(dir).total.calls, 2);
});

test('an intent that was stored although its call was refused is one line: the refusal', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir);
  await log.intent(intentBody('r1'));
  log.refusal({ ...refusalBody('r1'), error: 'OUT_AUDIT_UNAVAILABLE' });
  await log.close();
  assert.deepEqual(
    allCalls(dir).map(({ id, result }) => [id, result]),
    [['r1', 'refused']],
  );
  assert.deepEqual([usage(dir).total.calls, usage(dir).total.blocked], [0, 1]);
  assert.equal(detail(dir, 'r1')?.call.result, 'refused');
});

test('a call in full is found by either id, over files, with its rows as stored', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir, SMALL);
  await log.intent(intentBody('wanted'));
  for (let n = 0; n < 100; n++) await call(log, `r${n}`);
  log.outcome(outcomeBody('wanted'));
  await log.close();
  assert.ok(listQueueFiles(dir).length >= 2);
  const found = detail(dir, 'wanted');
  assert.ok(found !== undefined);
  assert.deepEqual(detail(dir, 'decision-of-wanted'), found);
  assert.deepEqual(
    found.rows.map((row) => JSON.parse(row).body),
    [intentBody('wanted'), outcomeBody('wanted')],
  );
  assert.deepEqual(Object.keys(JSON.parse(found.rows[0] ?? '')), ['v', 'epoch', 'seq', 'at', 'prev', 'body', 'hash']);
  assert.equal(found.cost_usd, 184 / 1e6);
  for (const id of ['none', 'intent', 'wante', '"', '%', 'openai', '']) assert.equal(detail(dir, id), undefined, id);
});

test('usage reads on where it was, and is what a new count would be', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openLog(t, dir, SMALL);
  const kept = new UsageLog(dir);
  assert.equal(usageBy(kept).total.calls, 0);
  for (let n = 0; n < 400; n++) {
    await call(log, `r${n}`, { app: `app ${n % 3}` });
    if (n % 50 === 0) assert.equal(usageBy(kept).total.calls, n + 1);
  }
  await log.close();
  assert.ok(listQueueFiles(dir).length >= 3);
  const report = usageBy(kept);
  assert.deepEqual([report.total.calls, report.total.input_tokens, report.apps.length], [400, 400 * 120, 3]);
  assert.ok(Math.abs(report.total.cost_usd - (400 * 184) / 1e6) < 1e-9);
  assert.deepEqual(counted(report), counted(usage(dir)));
});

test('a count that fails in the middle of a file goes on from there, and counts nothing twice', async (t) => {
  const dir = temporaryFolder(t);
  makeQueue(dir, 4_000);
  const [file] = listQueueFiles(dir);
  const kept = new UsageLog(dir);
  const pieces = kept.report(systemClock.now(), 'UTC', costOf);
  for (let n = 0; n < 3; n++) assert.equal(pieces.next().done, false);
  const other = new Database(file?.path ?? '');
  try {
    other.exec('BEGIN EXCLUSIVE');
    // SQLite waits two seconds for it.
    assert.throws(() => pieces.next(), /locked/);
    other.exec('ROLLBACK');
  } finally {
    other.close();
  }
  assert.deepEqual(counted(usageBy(kept)), counted(usage(dir)));
  assert.equal(usageBy(kept).total.calls, 2_000);
});

test('a file that could not be read once is counted when it can', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 200, SMALL);
  const [file] = listQueueFiles(dir);
  const path = file?.path ?? '';
  const kept = new UsageLog(dir);
  renameSync(path, `${path}.aside`);
  writeFileSync(path, 'no database');
  assert.ok(usageBy(kept).total.calls < 200);
  renameSync(`${path}.aside`, path);
  assert.equal(usageBy(kept).total.calls, 200);
});

test('a file that a newer version has made is passed over', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 200, SMALL);
  const all = usage(dir).total.calls;
  const newest = new Database(listQueueFiles(dir).at(-1)?.path ?? '');
  newest.exec(`INSERT OR REPLACE INTO meta VALUES ('format', '2'); DROP TABLE rows; PRAGMA user_version = 9`);
  newest.close();
  const { total } = usage(dir);
  assert.ok(total.calls > 0 && total.calls < all, String(total.calls));
  assert.equal(idsOf(allCalls(dir)).at(-1), 'r0');
  assert.equal(detail(dir, 'r0')?.call.result, 'complete');
  assert.equal(detail(dir, 'r199'), undefined);
});

test('days are counted from the rows that remain: a file that has gone takes its calls with it', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 200, SMALL);
  const kept = new UsageLog(dir);
  const before = usageBy(kept);
  const [oldest] = listQueueFiles(dir);
  rmSync(oldest?.path ?? '');
  const after = usageBy(kept);
  assert.ok(after.total.calls < before.total.calls && after.total.calls > 0);
  assert.deepEqual(counted(after), counted(usage(dir)));
  assert.ok((after.since ?? 0) >= (before.since ?? 0));
});

test('the next day all is counted anew', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 3);
  const kept = new UsageLog(dir);
  const now = systemClock.now();
  assert.equal(report(kept, now).total.calls, 3);
  const later = report(kept, now + 2 * 86_400_000);
  assert.deepEqual([later.total.calls, later.days[6]?.calls], [3, 0]);
  const muchLater = report(kept, now + 9 * 86_400_000);
  assert.deepEqual([muchLater.total.calls, muchLater.days.length], [0, 7]);
  assert.ok((muchLater.since ?? 0) > 0);
});

test('an empty or absent folder has no calls', (t) => {
  const dir = temporaryFolder(t);
  for (const place of [dir, `${dir}/absent`]) {
    assert.deepEqual(page(place), { calls: [] });
    assert.equal(usage(place).total.calls, 0);
    assert.equal(usage(place).since, undefined);
    assert.equal(detail(place, 'r1'), undefined);
  }
});

/** Overwrites a page of SQLite (16 KiB) somewhere in the file. */
function damage(path: string, share: number): void {
  const pages = Math.floor(statSync(path).size / 16_384);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(16_384, 0xa5), 0, 16_384, Math.min(pages - 1, Math.floor(pages * share)) * 16_384);
  closeSync(fd);
}

for (const [where, share, least] of [
  ['in the middle', 0.5, 200],
  ['at its end', 1, 200],
  ['in its first page', 0, 0],
] as const) {
  test(`a file with a damaged page ${where} is read as far as it goes, and the others whole`, async (t: TestContext) => {
    const dir = temporaryFolder(t);
    await calls(dir, 'bad', 300);
    const [bad] = listQueueFiles(dir);
    const other = temporaryFolder(t);
    await calls(other, 'good', 20);
    for (const { path, name } of listQueueFiles(other)) cpSync(path, `${dir}/${name}`);
    damage(bad?.path ?? '', share);
    const found = idsOf(allCalls(dir));
    assert.deepEqual(found.slice(0, 20), numbered('good', 20));
    assert.ok(found.length >= 20 + least && found.length < 320, String(found.length));
    if (where === 'in the middle') assert.ok(found.includes('bad0') && found.includes('bad299'), 'both sides of it');
    const { total } = usage(dir);
    assert.ok(total.calls >= 20 + least && total.calls <= 320, String(total.calls));
    assert.equal(detail(dir, 'good0')?.call.result, 'complete');
  });
}

test('reading makes and changes no file', async (t) => {
  const dir = temporaryFolder(t);
  await calls(dir, 'r', 5);
  const copy = temporaryFolder(t);
  cpSync(dir, copy, { recursive: true });
  usage(dir);
  allCalls(dir);
  detail(dir, 'r1');
  assert.deepEqual(readdirSync(dir).sort(), readdirSync(copy).sort());
  for (const { name } of listQueueFiles(dir)) {
    assert.deepEqual(readFileSync(`${dir}/${name}`), readFileSync(`${copy}/${name}`), name);
  }
});
