// SPDX-License-Identifier: Apache-2.0
// What `outpost audit` prints, with a daemon writing beside it and without one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { type AuditRow, auditRow } from '../../src/contract/audit-row.ts';
import { AUDIT_HELP, auditExport, auditShow, auditTail, auditVerify } from '../../src/proxy/audit/commands.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { openTestLog, until } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, refusalBody, temporaryFolder } from '../fakes/audit-rows.ts';

async function printed(run: (out: PassThrough) => number | Promise<number>): Promise<{ code: number; output: string }> {
  const out = new PassThrough();
  const output = text(out);
  const code = await run(out);
  out.end();
  return { code, output: await output };
}

async function makeLog(t: TestContext, calls = 5): Promise<string> {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir, { fileBytes: 1 });
  for (let n = 0; n < calls; n++) {
    await log.intent(intentBody(`r${n}`));
    log.outcome(outcomeBody(`r${n}`));
  }
  log.refusal(refusalBody('refused'));
  await log.close();
  return dir;
}

const never = new AbortController().signal;

function tail(dir: string, more: { lines?: number; json?: boolean }) {
  return printed((out) =>
    auditTail({ dir, lines: 20, follow: false, json: false, out, clock: systemClock, stop: never, ...more }),
  );
}

test('tail shows the newest rows, the newest last', async (t) => {
  const dir = await makeLog(t, 300);
  assert.ok(listQueueFiles(dir).length > 1);
  const { code, output } = await tail(dir, { lines: 3 });
  assert.equal(code, 0);
  const lines = output.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^TIME/);
  assert.match(lines[1] ?? '', / intent .*r299$/);
  assert.match(lines[2] ?? '', / outcome .*r299$/);
  assert.match(lines[3] ?? '', / refusal .*refused$/);
  const json = await tail(dir, { lines: 2, json: true });
  const rows = json.output
    .trimEnd()
    .split('\n')
    .map((line) => auditRow.parse(JSON.parse(line)));
  assert.deepEqual(
    rows.map(({ body }) => body.kind),
    ['outcome', 'refusal'],
  );
});

test('tail --follow goes on with rows as they are written, over a rotation, until it is stopped', async (t) => {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir, { fileBytes: 1 });
  t.after(() => log.close());
  await log.intent(intentBody('before'));
  const stop = new AbortController();
  const out = new PassThrough();
  let output = '';
  out.on('data', (chunk) => {
    output += String(chunk);
  });
  const done = auditTail({ dir, lines: 1, follow: true, json: true, out, clock: systemClock, stop: stop.signal });
  for (let n = 0; n < 400; n++) await log.intent(intentBody(`r${n}`));
  await until(() => output.includes('"r399"'), 'the last row is shown');
  stop.abort();
  assert.equal(await done, 0);
  const rows: AuditRow[] = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const requests = rows.flatMap(({ body }) => (body.kind === 'intent' ? [body.request] : []));
  assert.deepEqual(requests, ['before', ...Array.from({ length: 400 }, (_, n) => `r${n}`)]);
  assert.ok(listQueueFiles(dir).length > 1);
});

test('show finds every row of a call by request id and by decision id', async (t) => {
  const dir = await makeLog(t, 300);
  for (const id of ['r7', 'decision-of-r7']) {
    const { code, output } = await printed((out) => auditShow({ dir, id, json: true, out }));
    assert.equal(code, 0);
    const rows = output
      .trimEnd()
      .split('\n')
      .map((line) => auditRow.parse(JSON.parse(line)));
    assert.deepEqual(
      rows.map(({ body }) => [body.kind, 'request' in body && body.request]),
      [
        ['intent', 'r7'],
        ['outcome', 'r7'],
      ],
    );
  }
  const table = await printed((out) => auditShow({ dir, id: 'r7', json: false, out }));
  assert.match(table.output, /^intent [0-9a-f]{16}:\d+\n {2}kind +intent\n/);
  assert.match(table.output, / {2}answer_model +model-a-2030\n/);
});

test('show says when there is no such call', async (t) => {
  const dir = await makeLog(t);
  for (const id of ['unknown', 'r', '"', '%', '\u001b[2J']) {
    const { code, output } = await printed((out) => auditShow({ dir, id, json: false, out }));
    assert.equal(code, 1);
    assert.match(output, /^No row/);
    assert.equal(output.includes('\u001b'), false);
  }
});

test('verify: exit code 0 and the size of a whole log; 1 and the first break of another', async (t) => {
  const dir = await makeLog(t, 300);
  const whole = await printed((out) => auditVerify({ dir, json: false, out }));
  assert.equal(whole.code, 0);
  assert.match(whole.output, /^The chain is whole: 60\d rows in \d+ files\.\n$/);
  const file = listQueueFiles(dir)[1];
  assert.ok(file !== undefined);
  const db = new Database(file.path);
  db.exec('DELETE FROM rows WHERE seq IN (20, 40)');
  db.close();
  const broken = await printed((out) => auditVerify({ dir, json: false, out }));
  assert.equal(broken.code, 1);
  const [, first] = broken.output.split('\n');
  assert.equal(first, `  gap: ${file.name} row 21: rows 20 to 20 are missing before it`);
  const json = await printed((out) => auditVerify({ dir, json: true, out }));
  assert.equal(JSON.parse(json.output).findings.length, 2);
});

test('an export can be checked by a stranger who has only the description of the chain', async (t) => {
  const dir = await makeLog(t, 300);
  const { code, output } = await printed((out) => auditExport({ dir, out }));
  assert.equal(code, 0);
  const canonical = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
  };
  let last: AuditRow | undefined;
  const lines = output.trimEnd().split('\n');
  for (const line of lines) {
    const row = auditRow.parse(JSON.parse(line));
    const { v, epoch, seq, at, prev, body, hash } = row;
    const digest = createHash('sha256').update(Buffer.from(prev, 'hex')).update(canonical({ v, epoch, seq, at }));
    assert.equal(digest.update(canonical(body)).digest('hex'), hash);
    if (last?.epoch === epoch) assert.deepEqual([seq, prev], [last.seq + 1, last.hash]);
    else if (last !== undefined && body.kind === 'epoch') {
      assert.deepEqual(body.previous, { epoch: last.epoch, seq: last.seq, hash: last.hash });
    }
    last = row;
  }
  assert.ok(lines.length > 600);
});

test('an export waits for a slow reader', async (t) => {
  const dir = await makeLog(t, 300);
  const out = new PassThrough({ highWaterMark: 1024 });
  const done = auditExport({ dir, out });
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(out.readableLength + out.writableLength < 16 * 1024);
  const output = text(out);
  assert.equal(await done, 0);
  out.end();
  assert.ok((await output).split('\n').length > 600);
});

test('reading changes nothing, with and without a daemon', async (t) => {
  const dir = await makeLog(t, 300);
  const state = () =>
    readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mtimeMs, readFileSync(join(dir, name)).length]);
  const before = state();
  await tail(dir, {});
  await printed((out) => auditShow({ dir, id: 'r7', json: false, out }));
  await printed((out) => auditVerify({ dir, json: false, out }));
  await printed((out) => auditExport({ dir, out }));
  assert.deepEqual(state(), before);
  const log = await openTestLog(dir);
  t.after(() => log.close());
  await log.intent(intentBody('beside'));
  assert.equal((await printed((out) => auditVerify({ dir, json: false, out }))).code, 0);
  assert.match((await tail(dir, { lines: 1 })).output, /beside$/m);
  assert.equal(await log.intent(intentBody('later')), 'go');
});

test('help names the four commands and every option', () => {
  for (const word of ['tail', 'show ID', 'verify', 'export', '--follow', '--json', '-n LINES']) {
    assert.ok(AUDIT_HELP.includes(word), word);
  }
});
