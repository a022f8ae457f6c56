// SPDX-License-Identifier: Apache-2.0
// How long the uploader takes for a queue of 100,000 rows, on loopback: its thread reads, compresses, signs, posts and writes down each
// acknowledgement. The other end is a server in a process of its own: one that checks signature, schema and chain of each row and keeps
// them in memory, then the real control plane on SQLite and on PostgreSQL with fsync.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { AuditLog } from '../../../src/proxy/audit/audit-log.ts';
import { systemClock } from '../../../src/proxy/clock.ts';
import { silentLog } from '../../../src/proxy/log.ts';
import { createUploader } from '../../../src/proxy/upload/uploader.ts';
import { findPostgres, startPostgres } from '../../fakes/postgres.ts';
import { numberedDevice } from '../../simulation/device-keys.ts';
import { startPlane } from '../../simulation/plane.ts';
import { loadNow } from '../load.ts';
import { startScript } from '../process.ts';
import { makeQueue, QUEUE_FILES, type Queue } from '../queue.ts';
import type { Bench, Finding } from './types.ts';

const BAR_S = 60;

/** A log that ended some time ago; what the uploader asks it is where it ends. */
function endedLog({ epoch, seq }: Queue): AuditLog {
  const stats = {
    level: 'standard',
    epoch,
    seq,
    watermark: seq,
    pending: 0,
    bytes: 0,
    capBytes: 0,
    dropped: 0,
  } as const;
  return {
    intent: () => Promise.resolve('go'),
    refusal: () => undefined,
    attempt: () => undefined,
    outcome: () => undefined,
    event: () => undefined,
    stats: () => ({ state: 'healthy', reason: undefined, ...stats }),
    onRow: () => () => undefined,
    onStats: () => () => undefined,
    recent: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

interface Receiver {
  readonly name: string;
  readonly url: string;
  readonly key: KeyObject;
  readonly keyid: string;
  /** Rows that it has; undefined: it does not count. */
  rows(): Promise<number | undefined>;
  /** CPU of its process so far, where it tells. */
  cpuMs(): Promise<number | undefined>;
  stop(): Promise<void>;
}

async function inMemory(): Promise<Receiver> {
  const receiver = await startScript<{ port: number; key: string; keyid: string }>('./upload-receiver.ts', []);
  const { port, key, keyid } = receiver.ready;
  return {
    name: 'rows kept in memory',
    url: `http://127.0.0.1:${port}`,
    key: createPrivateKey(key),
    keyid,
    rows: async () => undefined,
    cpuMs: async () => undefined,
    stop: receiver.stop,
  };
}

async function controlPlane(name: string, database: string | undefined): Promise<Receiver> {
  const plane = await startPlane({ devices: 1, ...(database === undefined ? {} : { database }) });
  const { key, kid: keyid } = numberedDevice(0);
  return { name, url: plane.url, key, keyid, rows: plane.rows, cpuMs: plane.cpuMs, stop: plane.stop };
}

export async function uploadCase(bench: Bench): Promise<readonly Finding[]> {
  const postgres = findPostgres() === undefined ? undefined : await startPostgres({ fsync: true });
  const findings: Finding[] = [];
  try {
    findings.push(await measure(bench, await inMemory()));
    findings.push(await measure(bench, await controlPlane('control plane on SQLite', undefined)));
    if (postgres === undefined) bench.print('  PostgreSQL: not measured, it is not installed');
    else {
      const database = await postgres.createDatabase();
      findings.push(await measure(bench, await controlPlane('control plane on PostgreSQL', database)));
    }
  } finally {
    await postgres?.stop();
  }
  return findings;
}

async function measure(bench: Bench, receiver: Receiver): Promise<Finding> {
  const rows = bench.quick ? 10_000 : 100_000;
  const dir = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  try {
    const queue = makeQueue(join(dir, 'audit'), rows);
    const { url, key, keyid } = receiver;
    const target = { url, device: `d-${'0'.repeat(32)}`, key, keyid, caPems: [], deltaMs: 0 };
    const cpuBefore = await receiver.cpuMs();
    const ownCpu = process.cpuUsage();
    const begun = performance.now();
    const uploader = createUploader({
      auditDir: join(dir, 'audit'),
      orgDir: join(dir, 'org'),
      audit: endedLog(queue),
      target: () => target,
      settings: () => ({ flushSeconds: 30, flushRows: 100 }),
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      onEvent: (event) => bench.print(`  ${JSON.stringify(event)}`),
    });
    let failure: string | undefined;
    await new Promise<void>((resolve) => {
      uploader.onStatus((status) => {
        if (status.state === 'sending') return;
        failure = status.lastError;
        resolve();
      });
      uploader.flushNow();
    });
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(ownCpu);
    const cpuAfter = await receiver.cpuMs();
    const { rows: left, quarantined } = uploader.status();
    await uploader.close();
    const all = rows + QUEUE_FILES;
    const stored = await receiver.rows();
    if (failure !== undefined || left > 0 || quarantined > 0 || (stored ?? all) !== all) {
      throw new Error(`not all was sent: ${failure}, ${left} rows left, ${stored} of ${all} stored`);
    }
    const served =
      cpuBefore === undefined || cpuAfter === undefined
        ? ''
        : `, server ${(((cpuAfter - cpuBefore) * 1000) / all).toFixed(0)} us`;
    bench.print(
      `  ${receiver.name}: ${all} rows, ${(queue.chars / 1e6).toFixed(0)} MB of text: ${seconds.toFixed(1)} s, ${Math.round(all / seconds)} rows/s, thread started and files counted; CPU a row: device ${((user + system) / all).toFixed(0)} us${served}; ${loadNow()}`,
    );
    const scaled = (seconds * 100_000) / all;
    return {
      name: `upload of ${all} queued rows, ${receiver.name}`,
      value: `${seconds.toFixed(1)} s`,
      bar: `${BAR_S} s for 100,000`,
      holds: scaled <= BAR_S,
    };
  } finally {
    await receiver.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
