// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SETTINGS } from '../../../test/fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../../../test/fakes/audit-rows.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { RowBody } from '../../contract/audit-row.ts';
import { silentLog } from '../log.ts';
import { rowText } from './fit.ts';
import { listQueueFiles, type QueueFileName, readHead } from './folder.ts';
import { readRows } from './reader.ts';
import { verifyFolder } from './verify.ts';
import { WriterCore } from './writer-core.ts';
import type { AuditSettings, FromWriter, PostedRow } from './writer-protocol.ts';

const DAY = 86_400_000;

interface Bench {
  readonly dir: string;
  readonly clock: FakeClock;
  readonly told: FromWriter[];
  /** The writer that was started last. */
  readonly core: WriterCore;
  start(more?: { settings?: Partial<AuditSettings>; run?: number; fileBytes?: number; lost?: number }): WriterCore;
  write(...bodies: readonly RowBody[]): void;
  kinds(): string[];
}

function bench(t: TestContext): Bench {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const told: FromWriter[] = [];
  let ticket = 0;
  let core: WriterCore | undefined;
  const start: Bench['start'] = ({ settings, run = 1, fileBytes = 64 * 1024 * 1024, lost = 0 } = {}) => {
    const all = { ...SETTINGS, ...settings };
    const tell = (message: FromWriter): void => void told.push(message);
    core = new WriterCore({
      dir,
      run,
      settings: all,
      fileBytes,
      ballastBytes: 4096,
      lost,
      clock,
      log: silentLog,
      tell,
    });
    return core;
  };
  const running = (): WriterCore => {
    assert.ok(core !== undefined);
    return core;
  };
  t.after(() => core?.close());
  return {
    get core() {
      return running();
    },

    dir,
    clock,
    told,
    start,
    write: (...bodies) => {
      const rows: PostedRow[] = bodies.map((body) => ({
        ticket: ++ticket,
        at: clock.now(),
        body: rowText(body),
        ...(body.kind === 'intent' ? { opens: body.request } : {}),
        ...(body.kind === 'outcome' || body.kind === 'refusal' ? { closes: body.request } : {}),
      }));
      running().commit(rows);
    },
    kinds: () => [...readRows(dir)].map(({ row }) => row.body.kind),
  };
}

function whole(dir: string): void {
  assert.deepEqual(verifyFolder(dir).findings, []);
}

test('a new log begins with an epoch row and is private', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), outcomeBody('r1'));
  assert.deepEqual(b.kinds(), ['epoch', 'intent', 'outcome']);
  whole(b.dir);
  if (process.platform === 'win32') return;
  assert.equal(statSync(b.dir).mode & 0o777, 0o700);
  for (const name of readdirSync(b.dir)) assert.equal(statSync(join(b.dir, name)).mode & 0o777, 0o600, name);
});

test('the log goes on in the same epoch after a restart', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), outcomeBody('r1'));
  b.core.close();
  b.start({ run: 2 });
  b.write(intentBody('r2'), outcomeBody('r2'));
  assert.deepEqual(b.kinds(), ['epoch', 'intent', 'outcome', 'intent', 'outcome']);
  assert.equal(listQueueFiles(b.dir).length, 1);
  whole(b.dir);
});

test('standard: a row is synced 250 ms after it was committed, strict: at once', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'));
  assert.equal(b.core.status.watermark, 1);
  b.clock.advance(249);
  assert.equal(b.core.status.watermark, 1);
  b.clock.advance(1);
  assert.equal(b.core.status.watermark, 2);
  b.core.configure({ ...SETTINGS, level: 'strict' });
  b.write(intentBody('r2'));
  assert.equal(b.core.status.watermark, 3);
});

test('under steady traffic the sync is not put off', (t) => {
  const b = bench(t);
  b.start();
  for (let n = 0; n < 10; n++) {
    b.write(intentBody(`r${n}`));
    b.clock.advance(100);
  }
  assert.ok(b.core.status.watermark >= 8, String(b.core.status.watermark));
});

test('the head file names synced rows only, and follows within a second of the sync', (t) => {
  const b = bench(t);
  b.start();
  const seq = (): number | undefined => {
    const head = readHead(b.dir);
    return head.state === 'known' ? head.head.seq : undefined;
  };
  b.write(intentBody('r1'));
  assert.equal(seq(), 1);
  b.clock.advance(1200);
  b.write(intentBody('r2'));
  b.clock.advance(50);
  assert.equal(seq(), 2);
});

test('each day has its file; an open call is carried over and not called an orphan', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), intentBody('r2'));
  b.clock.advance(DAY);
  b.write(outcomeBody('r1'));
  assert.equal(listQueueFiles(b.dir).length, 2);
  b.core.close();
  b.start({ run: 2 });
  assert.deepEqual(b.kinds(), ['epoch', 'intent', 'intent', 'epoch', 'outcome', 'orphan']);
  const rows = [...readRows(b.dir)].map(({ row }) => row);
  const intent = rows[2];
  assert.deepEqual(rows.at(-1)?.body, { kind: 'orphan', request: 'r2', intent_seq: 3, intent_epoch: intent?.epoch });
  whole(b.dir);
});

test('an idle log gets no new file each day', (t) => {
  const b = bench(t);
  b.start();
  b.clock.advance(5 * DAY);
  assert.equal(listQueueFiles(b.dir).length, 1);
});

test('a file is rotated at its size, and the wall clock may go back', (t) => {
  const b = bench(t);
  b.start({ fileBytes: 128 * 1024 });
  for (let n = 0; n < 40; n++) {
    b.clock.jumpWall(-60_000);
    b.write(...Array.from({ length: 20 }, (_, k) => intentBody(`r${n}-${k}`)));
  }
  assert.ok(listQueueFiles(b.dir).length >= 3);
  assert.equal(b.kinds().filter((kind) => kind === 'intent').length, 800);
  whole(b.dir);
});

test('each intent without an outcome becomes one orphan, once', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), intentBody('r2'), outcomeBody('r1'), intentBody('r3'));
  b.write({ ...intentBody('r3'), kind: 'refusal', action: 'block', error: 'OUT_AUDIT_UNAVAILABLE' });
  b.core.close();
  b.start({ run: 2 });
  b.core.close();
  b.start({ run: 3 });
  const orphans = [...readRows(b.dir)].flatMap(({ row }) => (row.body.kind === 'orphan' ? [row.body] : []));
  assert.deepEqual(orphans, [{ kind: 'orphan', request: 'r2', intent_seq: 3 }]);
});

test('a writer that is started again in the same process makes no orphans and stores no row twice', (t) => {
  const b = bench(t);
  b.start();
  const rows: PostedRow[] = ['r1', 'r2', 'r3'].map((request, index) => ({
    ticket: index + 1,
    at: 1,
    body: rowText(intentBody(request)),
    opens: request,
  }));
  b.core.commit(rows.slice(0, 2));
  b.core.close();
  b.start({ lost: 4 });
  b.told.length = 0;
  b.core.commit(rows);
  assert.deepEqual(b.kinds(), ['epoch', 'intent', 'intent', 'gap', 'intent']);
  const through = b.told.flatMap((message) => (message.type === 'stored' ? [[message.through, message.count]] : []));
  assert.deepEqual(through, [
    [2, 2],
    [3, 1],
  ]);
  whole(b.dir);
});

test('files older than the retention are removed, and their absence is explained', (t) => {
  const b = bench(t);
  b.start({ settings: { retentionDays: 3 } });
  for (let n = 0; n < 6; n++) {
    b.write(intentBody(`r${n}`), outcomeBody(`r${n}`));
    b.clock.advance(DAY);
  }
  const result = verifyFolder(b.dir);
  assert.deepEqual(result.findings, []);
  const { explained } = result;
  assert.ok(explained.length >= 2);
  assert.ok(explained.every(({ reason, count }) => reason === 'retention' && count === 3));
  assert.equal(listQueueFiles(b.dir).length + explained.length, 7);
});

test('in an organisation old files wait for their upload, but not at the cap', (t) => {
  const b = bench(t);
  b.start({ settings: { retentionDays: 3, unsentFrom: '' } });
  for (let n = 0; n < 6; n++) {
    b.write(intentBody(`r${n}`));
    b.clock.advance(DAY);
  }
  const files = listQueueFiles(b.dir);
  assert.equal(files.length, 7);
  b.core.configure({ ...SETTINGS, retentionDays: 3, unsentFrom: files[1]?.epoch });
  b.clock.advance(60_000);
  assert.deepEqual(listQueueFiles(b.dir), files.slice(1));
  b.core.configure({ ...SETTINGS, unsentFrom: '', onFull: 'drop-oldest', capBytes: 256 * 1024 });
  while (listQueueFiles(b.dir).includes(files[1] as QueueFileName)) b.write(intentBody('x'));
  assert.equal(b.core.status.mode, 'open');
});

test('degrade: at 95 % of the cap the log is full, and a raised cap relieves it', (t) => {
  const b = bench(t);
  b.start({ settings: { capBytes: 1024 * 1024 } });
  let n = 0;
  while (b.core.status.mode === 'open' && n < 5000) b.write(intentBody(`r${n++}`), outcomeBody(`r${n}`));
  assert.equal(b.core.status.mode, 'cap');
  assert.ok(b.core.status.bytes <= b.core.status.capBytes);
  const reserve = b.kinds().length;
  b.write(outcomeBody('r-reserve'));
  assert.equal(b.kinds().length, reserve + 1, 'what is left is for outcomes');
  while (!b.told.some(({ type }) => type === 'dropped')) b.write(outcomeBody(`r${n++}`));
  assert.ok(b.core.status.bytes <= b.core.status.capBytes);
  b.write(outcomeBody('r-lost'));
  b.core.configure({ ...SETTINGS, capBytes: 64 * 1024 * 1024 });
  assert.equal(b.core.status.mode, 'open');
  const rows = [...readRows(b.dir)].map(({ row }) => row.body);
  assert.ok(rows.some((body) => body.kind === 'event' && body.event === 'audit-degraded'));
  assert.deepEqual(rows.slice(-2), [
    { kind: 'gap', reason: 'cap', count: 2 },
    { kind: 'event', event: 'audit-recovered', detail: { reason: 'cap', dropped: 2 } },
  ]);
  whole(b.dir);
});

test('drop-oldest: whole files give way, each with a gap row, and the log never is full', (t) => {
  const b = bench(t);
  b.start({ settings: { onFull: 'drop-oldest', capBytes: 2 * 1024 * 1024 } });
  for (let n = 0; n < 100; n++) {
    b.write(...Array.from({ length: 40 }, (_, k) => intentBody(`r${n}-${k}`)));
    assert.equal(b.core.status.mode, 'open');
    assert.ok(b.core.status.bytes <= b.core.status.capBytes);
  }
  const result = verifyFolder(b.dir);
  assert.deepEqual(result.findings, []);
  assert.ok(result.explained.length > 3);
  assert.ok(result.explained.every(({ reason }) => reason === 'cap'));
  const kept = result.rows;
  const dropped = result.explained.reduce((sum, { count = 0 }) => sum + count, 0);
  assert.ok(kept < 4000 && dropped > 0);
});

test('a file that lost its last rows begins a new epoch instead of using their numbers again', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), outcomeBody('r1'));
  b.core.close();
  const [file] = listQueueFiles(b.dir);
  assert.ok(file !== undefined);
  copyFileSync(file.path, join(b.dir, 'kept'));
  b.start();
  b.write(intentBody('r2'), outcomeBody('r2'));
  b.core.close();
  copyFileSync(join(b.dir, 'kept'), file.path);
  b.start({ run: 2 });
  b.write(intentBody('r3'));
  const last = [...readRows(b.dir)].map(({ row }) => row).filter(({ epoch }) => epoch !== file.epoch);
  assert.deepEqual(last[1]?.body, {
    kind: 'gap',
    reason: 'missing',
    epoch: file.epoch,
    from_seq: 4,
    to_seq: 5,
    count: 2,
  });
  assert.deepEqual(
    last.map(({ body }) => body.kind),
    ['epoch', 'gap', 'intent'],
  );
  assert.deepEqual(
    verifyFolder(b.dir).findings.map(({ kind }) => kind),
    ['rolled-back'],
  );
});

test('when all files are gone the new epoch says so', (t) => {
  const b = bench(t);
  b.start();
  b.write(intentBody('r1'), outcomeBody('r1'));
  b.core.close();
  for (const file of listQueueFiles(b.dir)) rmSync(file.path);
  b.start({ run: 2 });
  const rows = [...readRows(b.dir)].map(({ row }) => row.body);
  assert.deepEqual(
    rows.map((body) => [body.kind, 'reason' in body ? body.reason : '']),
    [
      ['epoch', 'missing'],
      ['gap', 'missing'],
    ],
  );
  assert.deepEqual(
    verifyFolder(b.dir).findings.map(({ kind }) => kind),
    ['missing-file'],
  );
});

test('a damaged file is set aside, kept, and salvaged into the next epoch', (t) => {
  const b = bench(t);
  b.start();
  b.write(...Array.from({ length: 500 }, (_, n) => outcomeBody(`r${n}`)));
  b.core.close();
  const [file] = listQueueFiles(b.dir);
  assert.ok(file !== undefined);
  const bytes = readFileSync(file.path);
  const at = bytes.indexOf('"request":"r250"');
  assert.ok(at > 0);
  bytes[at + 12] = 0x58;
  writeFileSync(file.path, bytes);
  b.start({ run: 2 });
  b.clock.advance(5000);
  const set = readdirSync(b.dir).filter((name) => name.includes('.bad-'));
  assert.deepEqual(
    set.map((name) => name.startsWith(file.name)),
    [true],
  );
  assert.deepEqual(readFileSync(join(b.dir, set[0] ?? '')), bytes, 'the damaged file is kept as it was');
  const rows = [...readRows(b.dir)].map(({ row }) => row.body);
  assert.deepEqual(rows.at(-1), {
    kind: 'gap',
    reason: 'damage',
    epoch: file.epoch,
    from_seq: 1,
    to_seq: 501,
    count: 1,
  });
  whole(b.dir);
});

test('salvage that was cut off begins anew at the next start', (t) => {
  const b = bench(t);
  b.start();
  b.write(...Array.from({ length: 900 }, (_, n) => outcomeBody(`r${n}`)));
  b.core.close();
  const [file] = listQueueFiles(b.dir);
  assert.ok(file !== undefined);
  const bytes = readFileSync(file.path);
  bytes.fill(0, 5 * 16_384, 6 * 16_384);
  writeFileSync(file.path, bytes);
  b.start({ run: 2 });
  b.core.close();
  assert.equal(b.kinds().includes('gap'), false);
  b.start({ run: 3 });
  b.clock.advance(5000);
  const gap = [...readRows(b.dir)].map(({ row }) => row.body).find(({ kind }) => kind === 'gap');
  assert.ok(gap?.kind === 'gap' && gap.reason === 'damage' && gap.to_seq === 901);
  assert.ok((gap.count ?? 0) > 0 && (gap.count ?? 0) < 120, `one page is lost, not ${gap.count} rows`);
});
