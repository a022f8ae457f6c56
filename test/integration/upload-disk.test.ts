// SPDX-License-Identifier: Apache-2.0
// Uploads from an audit folder that changes, is damaged, full, old, or large.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import type { BatchRow } from '../../src/contract/sync/messages.ts';
import { LIMITS } from '../../src/contract/sync/words.ts';
import { listQueueFiles, type QueueFileName, queueFileName } from '../../src/proxy/audit/folder.ts';
import { PAGE_BYTES, QueueFile } from '../../src/proxy/audit/queue-file.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { readAcknowledged } from '../../src/proxy/upload/acknowledged.ts';
import { SETTINGS, until } from '../fakes/audit-log.ts';
import { type MemoryReceiver, startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  assertAcknowledged,
  assertAllArrived,
  type Rig,
  rowsOnDisk,
  settled,
  startInMemory,
  startRig,
  writeEvents,
} from './upload-kit.ts';

const SMALL_FILES = { fileBytes: 64 * 1024 };

async function receiverOn(t: TestContext, clock: FakeClock): Promise<MemoryReceiver> {
  const receiver = await startMemoryReceiver({ clock });
  t.after(() => receiver.close());
  return receiver;
}

/** Writes until there are so many files. */
async function rotate(rig: Rig, files: number): Promise<readonly QueueFileName[]> {
  while (listQueueFiles(rig.auditDir).length < files) await rig.write(20);
  return listQueueFiles(rig.auditDir);
}

const first = (files: readonly QueueFileName[]): QueueFileName => {
  const [file] = files;
  assert.ok(file !== undefined);
  return file;
};

function changed(file: QueueFileName, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file.path);
  change(bytes);
  writeFileSync(file.path, bytes);
}

const seqs = (rows: readonly BatchRow[]) => rows.map(({ seq }) => seq);

test('a start reads nothing; the first run counts the backlog and sends it', async (t) => {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const receiver = await receiverOn(t, clock);
  const before = await startRig(t, { receiver, clock, dir, uploader: { target: () => undefined } });
  await before.write(700);
  await before.restart();
  assert.equal(before.thread.started, 0);
  await before.log.close();
  const rig = await startRig(t, { receiver, clock, dir });
  assert.deepEqual([rig.thread.started, rig.uploader.status().rows], [0, 0]);
  await rig.until(() => receiver.arrivals.length > 0);
  const seen = rig.thread.told.find(({ type }) => type === 'progress');
  assert.ok(seen?.type === 'progress');
  const { rows, bytes, oldest } = seen.backlog;
  const [[, onDisk] = ['', []]] = rowsOnDisk(rig.auditDir);
  assert.deepEqual([rows, oldest], [onDisk.length, onDisk[0]?.at]);
  assert.ok(rows > 700 && bytes > rows * 300 && bytes < rows * 3000);
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
});

test('20,000 rows arrive over many restarts, each once', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: { fileBytes: 2 * 1024 * 1024 } });
  for (let n = 0; n < 10; n++) await rig.write(2000);
  let batches = 0;
  while (rig.uploader.status().rows > 0 || batches === 0) {
    const until = receiver.batches.length + 7;
    rig.uploader.flushNow();
    await rig.until(() => receiver.batches.length >= until || rig.uploader.status().rows === 0);
    batches = receiver.batches.length;
    const restarted = rig.restart();
    await rig.clock.advanceAsync(2000);
    await restarted;
    await rig.until(() => rig.uploader.status().unsentFrom !== '');
  }
  await rig.flush();
  const rows = await assertAllArrived(rig.auditDir, receiver);
  assert.ok(rows > 20_000 && rowsOnDisk(rig.auditDir).size > 3);
  assert.equal(receiver.arrivals.length, rows);
  assert.ok(receiver.batches.length < 100, `${receiver.batches.length} batches`);
  assertAcknowledged(rig);
});

test('files that begin while a run is under way are found', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: SMALL_FILES });
  await rig.write(50);
  receiver.instead = async () => {
    if (listQueueFiles(rig.auditDir).length < 4) await rotate(rig, listQueueFiles(rig.auditDir).length + 1);
    return undefined;
  };
  await rig.until(() => listQueueFiles(rig.auditDir).length >= 4);
  // By its own timers.
  await rig.until(() => rig.uploader.status().rows === 0 && rig.uploader.status().state === 'idle');
  await assertAllArrived(rig.auditDir, receiver);
  assertAcknowledged(rig);
});

test('no file is open while a request is under way', {
  skip: process.platform !== 'linux' && 'looks into /proc',
}, async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: SMALL_FILES });
  let looked = 0;
  const found: string[] = [];
  receiver.instead = () => {
    const sealed = new Set(
      listQueueFiles(rig.auditDir)
        .slice(0, -1)
        .map(({ path }) => path),
    );
    const open = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return [];
      }
    });
    found.push(...open.filter((path) => sealed.has(path)));
    looked += 1;
    return undefined;
  };
  const { target } = rig;
  rig.target = undefined;
  await rotate(rig, 3);
  await settled(rig);
  rig.target = target;
  await rig.flush();
  assert.deepEqual([looked >= 3, found], [true, []]);
});

test('only rows below the watermark are sent', async (t) => {
  let watermark = 4;
  const { receiver, rig } = await startInMemory(t, { uploader: {} });
  await rig.write(10);
  const stats = rig.log.stats.bind(rig.log);
  rig.log.stats = () => ({ ...stats(), watermark });
  await rig.flush();
  const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
  assert.deepEqual(seqs(await receiver.stored(epoch)), [1, 2, 3, 4]);
  assert.equal(rig.uploader.status().rows, 7);
  watermark = 11;
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
});

test('a row that is larger than any server takes goes without its body', async (t) => {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const receiver = await receiverOn(t, clock);
  const rig = await startRig(t, { receiver, clock, dir });
  await rig.log.close();
  const [file] = listQueueFiles(rig.auditDir);
  assert.ok(file !== undefined);
  const huge = QueueFile.open(file, 1);
  huge.append(
    [{ at: 1, body: JSON.stringify({ kind: 'event', event: 'started', x: 'y'.repeat(LIMITS.row) }) }],
    'full',
  );
  huge.append([{ at: 1, body: '{"event":"stopped","kind":"event"}' }], 'full');
  huge.close();
  const again = await startRig(t, { receiver, clock, dir });
  await again.flush();
  assert.deepEqual(
    (await receiver.stored(file.epoch)).map(({ body }) => body === null),
    [false, true, false],
  );
  assert.deepEqual(again.events, [{ kind: 'quarantined', epoch: file.epoch, seq: 2 }]);
});

test('rows that somebody deleted are told as lost, those behind them arrive', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: SMALL_FILES });
  const file = first(await rotate(rig, 2));
  const db = new Database(file.path);
  db.exec('DELETE FROM rows WHERE seq BETWEEN 10 AND 19 OR seq = 30');
  db.close();
  await rig.flush();
  assert.deepEqual(seqs(await receiver.stored(file.epoch)), seqs(rowsOnDisk(rig.auditDir).get(file.epoch) ?? []));
  assert.deepEqual(rig.events, [
    { kind: 'lost', epoch: file.epoch, from: 10, to: 19, reason: 'missing' },
    { kind: 'lost', epoch: file.epoch, from: 30, to: 30, reason: 'missing' },
  ]);
  assert.deepEqual(
    receiver.lost,
    rig.events.map(({ kind: _, ...lost }) => ({ ...lost, epoch: undefined })).map(({ epoch: _, ...lost }) => lost),
  );
  assert.deepEqual(receiver.errors, []);
});

test('a row that somebody changed is refused by the server, and its place goes', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: SMALL_FILES });
  const file = first(await rotate(rig, 2));
  changed(file, (bytes) => {
    bytes[bytes.indexOf('"request":"r25"') + 12] = 0x58;
  });
  await rig.flush();
  const [event] = rig.events;
  assert.ok(event?.kind === 'quarantined' && event.epoch === file.epoch);
  const stored = await receiver.stored(file.epoch);
  assert.deepEqual(
    stored.filter(({ body }) => body === null).map(({ seq }) => seq),
    [event.seq],
  );
  assert.equal(stored.length, rowsOnDisk(rig.auditDir).get(file.epoch)?.length);
});

test('of an older file with zeroed pages the readable rows arrive, the others are told as lost', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: { fileBytes: 1024 * 1024 } });
  const files = await rotate(rig, 2);
  const file = first(files);
  const before = rowsOnDisk(rig.auditDir);
  changed(file, (bytes) => void bytes.fill(0, 20 * PAGE_BYTES, 22 * PAGE_BYTES));
  await rig.flush();
  const stored = seqs(await receiver.stored(file.epoch));
  const gone = rig.events.reduce((sum, event) => sum + (event.kind === 'lost' ? event.to - event.from + 1 : 0), 0);
  assert.ok(gone > 10 && gone < 120, `${gone} rows of two pages`);
  assert.equal(stored.length + gone, before.get(file.epoch)?.length);
  assert.ok(rig.events.every((event) => event.kind === 'lost' && event.reason === 'damage'));
  const newest = files[1]?.epoch ?? '';
  assert.deepEqual(await receiver.stored(newest), before.get(newest));
});

test('a file that nothing can be read of is told and passed over', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: SMALL_FILES });
  const files = await rotate(rig, 2);
  const file = first(files);
  writeFileSync(file.path, 'x'.repeat(100_000));
  await rig.flush();
  assert.deepEqual(rig.events, [{ kind: 'unreadable', epoch: file.epoch }]);
  await rig.write(1);
  await rig.flush();
  assert.equal(rig.events.length, 1, 'once');
  assert.equal((await receiver.stored(files[1]?.epoch ?? '')).length > 1, true);
  assert.equal(rig.uploader.status().rows, 0);
});

test('a damaged file is set aside, and what was salvaged of it arrives under its own epoch', async (t) => {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const receiver = await receiverOn(t, clock);
  const rig = await startRig(t, { receiver, clock, dir });
  await rig.write(30);
  await rig.flush();
  await rig.write(300);
  const [[epoch, rows] = ['', []]] = rowsOnDisk(rig.auditDir);
  await rig.log.close();
  changed(first(listQueueFiles(rig.auditDir)), (bytes) => {
    bytes[bytes.indexOf('"request":"r100"') + 12] = 0x58;
  });
  const again = await startRig(t, { receiver, clock, dir });
  await until(() => again.log.stats().seq >= 2, 'the gap row of the salvage is written', 30_000);
  await again.flush();
  const bad = rows.find(({ body }) => body?.includes('"request":"r100"'))?.seq ?? 0;
  assert.deepEqual(
    await receiver.stored(epoch),
    rows.filter(({ seq }) => seq !== bad),
  );
  assert.deepEqual(again.events, [{ kind: 'lost', epoch, from: bad, to: bad, reason: 'damage' }]);
  const newest = listQueueFiles(again.auditDir).at(-1)?.epoch ?? '';
  assert.deepEqual(await receiver.stored(newest), rowsOnDisk(again.auditDir).get(newest));
  assert.equal(readAcknowledged(again.orgDir)?.get(epoch)?.seq, 331);
  assert.equal(again.uploader.status().rows, 0);
});

test('a disk at its cap while nobody answers: what is left arrives, with a row for what is not', async (t) => {
  const settings = {
    ...SETTINGS,
    level: 'strict',
    onFull: 'drop-oldest',
    capBytes: 1024 * 1024,
    unsentFrom: '',
  } as const;
  const { receiver, rig } = await startInMemory(t, { log: { settings, fileBytes: 64 * 1024 } });
  await rig.write(10);
  await rig.flush();
  const sent = receiver.arrivals.length;
  const target = rig.target;
  rig.target = undefined;
  const [oldest] = listQueueFiles(rig.auditDir);
  while (listQueueFiles(rig.auditDir)[0]?.epoch === oldest?.epoch) await rig.write(50);
  await rig.write(300);
  await settled(rig);
  rig.target = target;
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
  assertAcknowledged(rig);
  assert.ok(receiver.arrivals.length > sent);
  assert.equal(readAcknowledged(rig.orgDir)?.has(oldest?.epoch ?? ''), false, 'what has no file is forgotten');
  const gaps = [...rowsOnDisk(rig.auditDir).values()].flat().filter(({ body }) => body?.includes('"reason":"cap"'));
  assert.ok(gaps.length > 0);
});

test('old files go when they are uploaded, not before', async (t) => {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const receiver = await receiverOn(t, clock);
  const epoch = '00000000000000aa';
  // A file of last year, which is all of the log.
  mkdirSync(join(dir, 'audit'), { mode: 0o700 });
  const name = queueFileName(join(dir, 'audit'), systemClock.now() - 400 * 86_400_000, epoch);
  const rows = [{ at: 1, body: '{"kind":"epoch","reason":"first"}' }];
  QueueFile.create(name, { rows, carried: [], run: 1, ticket: 0 }).close();
  const settings = { ...SETTINGS, level: 'strict', retentionDays: 1, unsentFrom: '' } as const;
  const rig = await startRig(t, { receiver, clock, dir, log: { settings } });
  // The newest file is never removed, and a new day begins another one.
  await rig.write(2);
  await rig.write(2);
  const files = listQueueFiles(rig.auditDir);
  assert.equal(first(files).epoch, epoch);
  await rig.flush();
  assert.equal(rig.uploader.status().unsentFrom, files.at(-1)?.epoch);
});

test('a disk that was put back to an older state is noticed by both sides', async (t) => {
  for (const more of [0, 15]) {
    const dir = temporaryFolder(t);
    const clock = new FakeClock();
    const receiver = await receiverOn(t, clock);
    const rig = await startRig(t, { receiver, clock, dir });
    await writeEvents(rig, 10, 'a');
    await rig.log.close();
    cpSync(join(dir, 'audit'), join(dir, 'copy'), { recursive: true });
    const next = await startRig(t, { receiver, clock, dir });
    await writeEvents(next, 10, 'b');
    await next.flush();
    await next.uploader.close();
    await next.log.close();
    rmSync(join(dir, 'audit'), { recursive: true });
    cpSync(join(dir, 'copy'), join(dir, 'audit'), { recursive: true });
    const back = await startRig(t, { receiver, clock, dir });
    await writeEvents(back, more, 'c');
    await back.flush();
    const [epoch = ''] = rowsOnDisk(back.auditDir).keys();
    assert.deepEqual(
      back.events,
      more === 0
        ? [{ kind: 'receipt-mismatch', epoch, seq: 21, why: 'more rows than there are' }]
        : [{ kind: 'fork', epoch, seq: 12 }],
    );
    assert.deepEqual(receiver.errors, more === 0 ? [] : ['fork']);
  }
});

test('a log that was deleted begins anew, and says so at the server', async (t) => {
  const dir = temporaryFolder(t);
  const clock = new FakeClock();
  const receiver = await receiverOn(t, clock);
  const rig = await startRig(t, { receiver, clock, dir });
  await rig.write(10);
  await rig.flush();
  await rig.log.close();
  const gone = first(listQueueFiles(rig.auditDir));
  rmSync(gone.path);
  const again = await startRig(t, { receiver, clock, dir });
  await again.flush();
  const [[epoch, rows] = ['', []]] = rowsOnDisk(again.auditDir);
  assert.deepEqual(await receiver.stored(epoch), rows);
  const bodies = (await receiver.stored(epoch)).map(({ body }) => JSON.parse(body ?? ''));
  assert.deepEqual(
    bodies.map(({ kind, reason }) => [kind, reason]),
    [
      ['epoch', 'missing'],
      ['gap', 'missing'],
    ],
  );
  assert.equal(bodies[0].previous.epoch, gone.epoch);
  assert.deepEqual([...(readAcknowledged(again.orgDir)?.keys() ?? [])], [epoch]);
});
