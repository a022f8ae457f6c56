// SPDX-License-Identifier: Apache-2.0
// An uploader without files and network: its thread is the test's own, and so are the audit log, the clock and chance.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { TestContext } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import type { AuditLog, AuditStats, StoredBody } from '../../src/proxy/audit/audit-log.ts';
import { Listeners } from '../../src/proxy/audit/listeners.ts';
import { silentLog } from '../../src/proxy/log.ts';
import type {
  FromUpload,
  RunEnd,
  ToUpload,
  UploadEvent,
  UploadTarget,
} from '../../src/proxy/upload/upload-protocol.ts';
import { createUploader, type UploaderOptions } from '../../src/proxy/upload/uploader.ts';
import { intentBody } from './audit-rows.ts';
import { FakeClock } from './clock.ts';

export const EPOCH = '0123456789abcdef';
export const NEXT_EPOCH = 'fedcba9876543210';
const { privateKey: key } = generateKeyPairSync('ed25519');
const TARGET: UploadTarget = {
  url: 'http://127.0.0.1:1',
  device: `d-${'0'.repeat(32)}`,
  key,
  keyid: 'k1',
  caPems: [],
  deltaMs: 0,
};

export class FakeThread extends EventEmitter {
  readonly got: ToUpload[] = [];
  terminated = false;
  postMessage(message: ToUpload): void {
    this.got.push(message);
  }
  terminate(): Promise<void> {
    this.terminated = true;
    return Promise.resolve();
  }
  say(message: FromUpload): void {
    this.emit('message', message);
  }
  end(end: RunEnd = { kind: 'done' }, batchRows = 500): void {
    this.say({ type: 'ended', end, batchRows });
  }
}

export function bench(t: TestContext, more: Partial<UploaderOptions> = {}) {
  const clock = new FakeClock();
  const rowListeners = new Listeners<StoredBody>();
  const statsListeners = new Listeners<AuditStats>();
  let stats: AuditStats = {
    state: 'healthy',
    reason: undefined,
    level: 'standard',
    epoch: EPOCH,
    seq: 0,
    watermark: 0,
    pending: 0,
    bytes: 0,
    capBytes: 1,
    dropped: 0,
  };
  const audit: AuditLog = {
    intent: () => Promise.resolve('go'),
    refusal: () => undefined,
    attempt: () => undefined,
    outcome: () => undefined,
    event: () => undefined,
    stats: () => stats,
    onRow: (listener) => rowListeners.add(listener),
    onStats: (listener) => statsListeners.add(listener),
    recent: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
  const threads: FakeThread[] = [];
  const events: UploadEvent[] = [];
  let target: UploadTarget | undefined = TARGET;
  const uploader = createUploader({
    auditDir: '/audit',
    orgDir: '/org',
    audit,
    target: () => target,
    settings: () => ({ flushSeconds: 30, flushRows: 100 }),
    clock,
    log: silentLog,
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
    spawn: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
    ...more,
  });
  t.after(async () => {
    const closed = uploader.close();
    clock.advance(10_000);
    await clock.advanceAsync(10_000);
    await closed;
  });
  return {
    clock,
    uploader,
    events,
    threads,
    get thread(): FakeThread {
      const last = threads.at(-1);
      assert.ok(last !== undefined, 'a thread was started');
      return last;
    },
    /** Orders to send, over all threads. */
    orders: () => threads.flatMap(({ got }) => got.filter((message) => message.type === 'send')),
    retarget: (next: Partial<UploadTarget> | undefined) => {
      target = next === undefined ? undefined : { ...TARGET, ...next };
    },
    /** Commits a row. */
    row: (body: RowBody = intentBody('r')) => {
      stats = { ...stats, seq: stats.seq + 1 };
      rowListeners.tell(() => ({ at: 1000 + stats.seq, body }));
    },
    /** All that was committed survives a loss of power now. */
    sync: () => {
      stats = { ...stats, watermark: stats.seq };
      statsListeners.tell(() => stats);
    },
    rotate: () => {
      stats = { ...stats, epoch: NEXT_EPOCH, seq: 1, watermark: 1 };
      statsListeners.tell(() => stats);
    },
  };
}

/** Past the first look, with nothing to send. */
export function idle(t: TestContext, more: Partial<UploaderOptions> = {}) {
  const b = bench(t, more);
  b.clock.advance(15_000);
  b.thread.end();
  // Runs keep apart.
  b.clock.advance(2000);
  return b;
}
