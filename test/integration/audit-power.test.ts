// SPDX-License-Identifier: Apache-2.0
// Invariant A2: at `strict` a loss of power takes no acknowledged row; at `standard` none at or below the durable watermark, and only
// rows that were not older than 250 ms when the writer last looked. OUTPOST_POWER_LOSSES raises the number of losses of each kind.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { listDamagedFiles } from '../../src/proxy/audit/folder.ts';
import { readRows } from '../../src/proxy/audit/reader.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';
import { buildPowerLoss, type Note, PowerLossDisk, type Torn, whyNoPowerLoss } from '../fakes/power-loss.ts';
import { playTo, runWriter, type Told } from '../fakes/power-loss-log.ts';
import { seededBelow } from '../fakes/random.ts';

const LOSSES = Math.max(6, Number(process.env['OUTPOST_POWER_LOSSES'] ?? 6));
/** Each killed writer loses its power at the kill and at an earlier moment, both ways. */
const KILLS = Math.ceil(LOSSES / 2);
/** A disk goes on after so many losses as if nothing was; then there is a new one. */
const LOSSES_OF_A_DISK = 4;
/** What the writer promises at `standard`. Milliseconds. Source: sync-audit 5. */
const BOUND_MS = 250;
/** The commit after which it sees that time is up, and the one that it syncs. */
const MOST_OVERDUE = 2;
/** Rotation all the time, and a write-ahead log that grows until SQLite empties it. */
const FILE_BYTES = [64 * 1024, 16 * 1024 * 1024];

const skip = whyNoPowerLoss() ?? false;

interface Found {
  readonly requests: ReadonlySet<string>;
  /** Rows of each epoch. */
  readonly ends: ReadonlyMap<string, number>;
}

/** The next start of the daemon after the loss, and all that can be read then. */
async function recover(dir: string, what: string): Promise<Found> {
  await (await openTestLog(dir)).close();
  const { findings, explained } = verifyFolder(dir);
  assert.deepEqual({ findings, explained }, { findings: [], explained: [] }, what);
  assert.deepEqual(listDamagedFiles(dir), [], what);
  const requests = new Set<string>();
  const ends = new Map<string, number>();
  for (const { row } of readRows(dir)) {
    if (row.body.kind === 'intent') requests.add(row.body.request);
    ends.set(row.epoch, row.seq);
  }
  return { requests, ends };
}

function lostOf(told: Told, { requests }: Found): readonly string[] {
  return [...told.acknowledged.keys()].filter((request) => !requests.has(request));
}

function checkPromises(level: 'strict' | 'standard', told: Told, found: Found, what: string): void {
  const lost = lostOf(told, found);
  if (level === 'strict') assert.deepEqual(lost, [], `${what}: an acknowledged row is lost`);
  for (const [epoch, seq] of told.watermarks) {
    const end = found.ends.get(epoch) ?? 0;
    assert.ok(end >= seq, `${what}: epoch ${epoch} ends at row ${end}, and its watermark was ${seq}`);
  }
  const early = lost.filter((request) => (told.acknowledged.get(request)?.index ?? 0) < told.lastSync);
  assert.deepEqual(early, [], `${what}: a row is lost that was acknowledged before the last sync began`);
  assert.ok(told.overdueCommits <= MOST_OVERDUE, `${what}: ${told.overdueCommits} commits while a sync was overdue`);
}

/** Any moment, or one soon after a file got its name: an epoch ends and another begins then. */
function earlierMoment(notes: readonly Note[], below: (limit: number) => number): number {
  const births = notes.flatMap(({ kind, bytes }, n) =>
    kind === 'renamed' && bytes.toString().endsWith('.db') ? [n] : [],
  );
  const birth = births[below(births.length)];
  if (birth === undefined || below(2) === 0) return below(notes.length);
  return Math.min(birth + below(60), notes.length);
}

function folderText(dir: string): Record<string, string> {
  const files = readdirSync(dir, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(dir.length), readFileSync(path, 'base64')];
    }),
  );
}

function setUp(t: TestContext) {
  const folder = realpathSync(temporaryFolder(t));
  return { folder, library: buildPowerLoss(folder) };
}

describe('loss of power', { skip, concurrency: true }, () => {
  for (const level of ['strict', 'standard'] as const) {
    test(`${level}: ${KILLS} kills, ${2 * KILLS} losses of power and as many with torn writes, break no promise`, async (t) => {
      const { folder, library } = setUp(t);
      let [acknowledged, lostRows, oldest, checkpoints, rotations] = [0, 0, 0, 0, 0];
      let root = join(folder, '0');
      /** Rows that the disk had when the writer was started. */
      let before: ReadonlySet<string> = new Set();
      for (let kill = 0; kill < KILLS; kill++) {
        const below = seededBelow(kill + (level === 'strict' ? 0 : 1_000_000));
        const fresh = kill % LOSSES_OF_A_DISK === 0;
        if (fresh) [root, before] = [join(folder, String(kill)), new Set()];
        mkdirSync(root, { recursive: true });
        const safe = join(folder, 'safe');
        cpSync(root, safe, { recursive: true });
        const trace = join(folder, 'trace');
        const fileBytes = FILE_BYTES[kill % FILE_BYTES.length] ?? 0;
        // The head file is written a second after a sync.
        const longest = kill % 3 === 2 ? 1600 : 500;
        const notes = await runWriter({ library, root, trace, level, prefix: `${kill}`, fileBytes }, below(longest));
        const images: { readonly root: string; readonly found: Found }[] = [];
        for (const [moment, end] of [earlierMoment(notes, below), notes.length].entries()) {
          const disk = new PowerLossDisk(safe);
          const told = playTo(disk, notes, end, BOUND_MS);
          const torn: Torn = { blockBytes: below(2) === 0 ? 512 : 4096, below };
          for (const [kind, how] of [['power', undefined] as const, ['torn', torn] as const]) {
            const what = `${level}, kill ${kill}, note ${end} of ${notes.length}, ${kind}`;
            const image = join(folder, `${kill}-${moment}-${kind}`);
            mkdirSync(image);
            disk.writeAfterLoss(image, how);
            const copy = join(folder, 'copy');
            cpSync(image, copy, { recursive: true });
            const found = await recover(join(copy, 'audit'), what);
            rmSync(copy, { recursive: true });
            checkPromises(level, told, found, what);
            assert.deepEqual([...before.difference(found.requests)], [], `${what}: a row of an earlier run is lost`);
            images.push({ root: image, found });
            const lost = lostOf(told, found);
            const ages = lost.map((request) => (notes[end - 1]?.at ?? 0) - (told.acknowledged.get(request)?.at ?? 0));
            acknowledged += told.acknowledged.size;
            lostRows += lost.length;
            oldest = Math.max(oldest, ...ages);
          }
          checkpoints += told.checkpoints;
          rotations += told.watermarks.size - 1;
        }
        // The writer goes on with one of the disks as the loss left it: its own start is what is killed next.
        const next = images[below(images.length)];
        assert.ok(next !== undefined);
        [root, before] = [next.root, next.found.requests];
        for (const image of images) if (image !== next) rmSync(image.root, { recursive: true });
        for (const gone of [safe, trace]) rmSync(gone, { recursive: true });
      }
      t.diagnostic(
        `${acknowledged} acknowledged, ${lostRows} lost, the oldest ${oldest.toFixed(0)} ms before the loss`,
      );
      t.diagnostic(`${rotations} rotations, ${checkpoints} checkpoints`);
      assert.ok(acknowledged > KILLS, 'the writers wrote');
      // A few short runs on a busy machine may have none.
      if (LOSSES >= 100)
        assert.ok(rotations > 0 && checkpoints > 0, 'rotation and checkpoints were among what was cut off');
    });
  }

  test('the library sees all that the writer does, and a disk that does not do the syncs of the log is found out', async (t) => {
    const { folder, library } = setUp(t);
    const [root, live, image] = ['root', 'live', 'image'].map((name) => join(folder, name)) as [string, string, string];
    for (const dir of [root, live, image]) mkdirSync(dir);
    const run = {
      library,
      root,
      trace: join(folder, 'trace'),
      level: 'strict',
      prefix: 'r',
      fileBytes: 2 ** 24,
    } as const;
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const notes = await runWriter(run, undefined);
    const disk = new PowerLossDisk(empty);
    playTo(disk, notes, notes.length, BOUND_MS);
    disk.writeLive(live);
    assert.deepEqual(folderText(live), folderText(root));

    const lying = new PowerLossDisk(empty, (path) => path.endsWith('-wal'));
    // Before the log is closed, which moves the write-ahead log into the file.
    const end = notes.findLastIndex(({ bytes }) => bytes.toString('utf8', 0, 3) === 'go ') + 1;
    const told = playTo(lying, notes, end, BOUND_MS);
    lying.writeAfterLoss(image);
    await (await openTestLog(join(image, 'audit'))).close();
    const found = await recover(join(image, 'audit'), 'a disk that lies');
    assert.equal(told.acknowledged.size, 120);
    assert.throws(() => checkPromises('strict', told, found, 'a disk that lies'), /an acknowledged row is lost/);
  });
});
