// SPDX-License-Identifier: Apache-2.0
// A real uploader over a real audit log, whose thread runs in this process on a clock that the test turns, and what to compare at the end.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { BatchRow } from '../../src/contract/sync/messages.ts';
import { toHex } from '../../src/protocol/chain.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { openReadable } from '../../src/proxy/audit/open-readable.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import type { AuditLogOptions, RunningAuditLog } from '../../src/proxy/audit/writer.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { readAcknowledged } from '../../src/proxy/upload/acknowledged.ts';
import type { UploadEvent, UploadTarget } from '../../src/proxy/upload/upload-protocol.ts';
import type { AroundParts } from '../../src/proxy/upload/upload-service.ts';
import { createUploader, type Uploader, type UploaderOptions } from '../../src/proxy/upload/uploader.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { type AuditReceiver, type MemoryReceiver, startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { intentBody, temporaryFolder } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import { seeded } from '../fakes/random.ts';
import { type ThreadInProcess, threadInProcess } from '../fakes/upload-thread.ts';

export const FLUSH = { flushSeconds: 30, flushRows: 100 } as const;
export const POST_MS = 30_000;

export interface RigOptions {
  readonly receiver: AuditReceiver;
  readonly clock: FakeClock;
  readonly proxy?: FaultProxy;
  readonly caPems?: readonly string[];
  readonly seed?: number;
  readonly around?: AroundParts;
  readonly log?: Partial<AuditLogOptions>;
  readonly uploader?: Partial<UploaderOptions>;
  readonly dir?: string;
}

export interface Rig {
  readonly auditDir: string;
  readonly orgDir: string;
  readonly clock: FakeClock;
  readonly log: RunningAuditLog;
  readonly thread: ThreadInProcess;
  readonly events: UploadEvent[];
  /** May be changed. */
  target: UploadTarget | undefined;
  /** The one that runs now. */
  readonly uploader: Uploader;
  /** Ends the uploader and begins another one, which knows what is on the disk only. */
  restart(): Promise<void>;
  /** Writes rows that are durable when this resolves. */
  write(count: number, more?: Parameters<typeof intentBody>[1]): Promise<void>;
  /** Moves time on whenever the uploader waits for it, until the condition holds. */
  until(done: () => boolean, step?: () => Promise<void>): Promise<void>;
  /** Until a run that began from here on has sent all. */
  flush(): Promise<void>;
}

export async function startRig(t: TestContext, options: RigOptions): Promise<Rig> {
  const { receiver, clock, proxy, caPems = [], seed = 1, around } = options;
  const dir = options.dir ?? temporaryFolder(t);
  const auditDir = join(dir, 'audit');
  const orgDir = join(dir, 'org');
  const settings = { level: 'strict', onFull: 'degrade', capBytes: 512 * 1024 * 1024, unsentFrom: '' } as const;
  const log = await openTestLog(auditDir, { settings, ...options.log });
  const thread = threadInProcess(clock, around);
  const events: UploadEvent[] = [];
  const url = proxy?.origin ?? `http://127.0.0.1:${receiver.port}`;
  let uploader: Uploader | undefined;
  let count = 0;
  const rig: Rig = {
    auditDir,
    orgDir,
    clock,
    log,
    thread,
    events,
    target: { url, device: receiver.device, key: receiver.key, keyid: receiver.keyid, caPems, deltaMs: 0 },
    get uploader() {
      assert.ok(uploader !== undefined);
      return uploader;
    },
    restart: async () => {
      await uploader?.close();
      uploader = createUploader({
        auditDir,
        orgDir,
        audit: log,
        target: () => rig.target,
        settings: () => FLUSH,
        clock,
        log: silentLog,
        random: seeded(seed),
        onEvent: (event) => void events.push(event),
        postMs: POST_MS,
        spawn: thread.spawn,
        ...options.uploader,
      });
    },
    write: async (rows, more) => {
      const receipts = Array.from({ length: rows }, () => log.intent(intentBody(`r${count++}`, more)));
      assert.ok((await Promise.all(receipts)).every((receipt) => receipt === 'go'));
    },
    until: async (done, step = () => Promise.resolve()) => {
      const below = seeded(seed);
      let swallowed = proxy?.counts.blackhole ?? 0;
      for (let turn = 0; !done(); turn++) {
        assert.ok(turn < 50_000, 'it never happened');
        await step();
        if (rig.uploader.status().state !== 'sending') {
          clock.advance(1 + Math.floor(below() * 20_000));
          continue;
        }
        if (proxy !== undefined && proxy.counts.blackhole > swallowed) {
          swallowed = proxy.counts.blackhole;
          clock.advance(POST_MS);
          continue;
        }
        await Promise.race([nextStatus(rig.uploader), proxy?.happened('blackhole', swallowed + 1) ?? never]);
      }
    },
    flush: async () => {
      // A run that is under way may have begun before the newest rows.
      await rig.until(() => rig.uploader.status().state !== 'sending');
      const from = thread.told.length;
      rig.uploader.flushNow();
      await rig.until(() => {
        const done = thread.told.slice(from).some((message) => message.type === 'ended' && message.end.kind === 'done');
        return done && rig.uploader.status().state !== 'sending';
      });
    },
  };
  await rig.restart();
  t.after(async () => {
    const closed = uploader?.close();
    await clock.advanceAsync(10_000);
    await closed;
    await log.close();
  });
  return rig;
}

const never = new Promise<never>(() => undefined);

export function nextStatus(uploader: Uploader): Promise<void> {
  return new Promise((resolve) => {
    const stop = uploader.onStatus(() => {
      stop();
      resolve();
    });
  });
}

/** On a clock of its own, with a server in memory. */
export async function startInMemory(
  t: TestContext,
  more: Partial<RigOptions> = {},
): Promise<{ receiver: MemoryReceiver; rig: Rig; clock: FakeClock }> {
  const clock = new FakeClock();
  const receiver = await startMemoryReceiver({ clock });
  t.after(() => receiver.close());
  return { receiver, clock, rig: await startRig(t, { receiver, clock, ...more }) };
}

/** Runs once and waits for its end, however it ends. */
export async function runOnce(rig: Rig): Promise<void> {
  const from = rig.thread.told.length;
  rig.uploader.flushNow();
  while (!rig.thread.told.slice(from).some(({ type }) => type === 'ended')) await nextStatus(rig.uploader);
  while (rig.uploader.status().state === 'sending') await nextStatus(rig.uploader);
}

/** The writer has done all that it was told to. */
export async function settled(rig: Rig): Promise<void> {
  await rig.log.recent(1);
}

/** Rows that leave nothing open, so that a restart of the log adds none. */
export async function writeEvents(rig: Rig, count: number, version: string): Promise<void> {
  for (let n = 0; n < count; n++) rig.log.event({ kind: 'event', event: 'started', detail: { version, n } });
  await settled(rig);
}

/** All rows on the disk, by epoch in the order of the log. */
export function rowsOnDisk(auditDir: string): ReadonlyMap<string, readonly BatchRow[]> {
  const all = new Map<string, readonly BatchRow[]>();
  for (const name of listQueueFiles(auditDir)) {
    const file = openReadable(name.path);
    all.set(
      file.epoch,
      [...file.rows()].map(({ seq, at, hash, body }) => ({ seq, at, hash: toHex(hash), body })),
    );
    file.close();
  }
  return all;
}

/** Every row is at the server once, its bytes as they are here, and here the chain is whole. */
export async function assertAllArrived(auditDir: string, receiver: AuditReceiver): Promise<number> {
  let count = 0;
  for (const [epoch, rows] of rowsOnDisk(auditDir)) {
    assert.deepEqual(await receiver.stored(epoch), rows, `epoch ${epoch}`);
    count += rows.length;
  }
  assert.deepEqual(verifyFolder(auditDir).findings, []);
  return count;
}

/** upload.json says of each epoch what the disk says. */
export function assertAcknowledged({ auditDir, orgDir }: Pick<Rig, 'auditDir' | 'orgDir'>): void {
  const acknowledged = readAcknowledged(orgDir);
  const ends = [...rowsOnDisk(auditDir)].map(([epoch, rows]) => [epoch, rows.at(-1)?.seq, rows.at(-1)?.hash]);
  assert.deepEqual(
    ends.map(([epoch]) => [epoch, acknowledged?.get(String(epoch))?.seq, acknowledged?.get(String(epoch))?.hash]),
    ends,
  );
}
