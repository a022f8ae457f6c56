// SPDX-License-Identifier: Apache-2.0
// A device whose engine activates what a control plane publishes, in a process of its own, with the daemon's compile cache on: what its
// main thread does meanwhile is what the calls of its apps would feel.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { given, serve } from '../simulation/child.ts';
import type { Activated, ActivationGiven } from './cases/activation.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
const cache = join(folder, 'compiled');
mkdirSync(cache);
enableCompileCache(cache);
// The threads read it at their start.
process.env['NODE_COMPILE_CACHE'] = cache;

const { systemClock } = await import('../../src/proxy/clock.ts');
const { silentLog } = await import('../../src/proxy/log.ts');
const { threadChecks } = await import('../../src/proxy/sync/check/ask.ts');
const { filePort } = await import('../../src/proxy/sync/files.ts');
const { openOrganisation } = await import('../../src/proxy/sync/organisation.ts');
const { FakeDevice } = await import('../fakes/device.ts');

const { url, org, token, root } = given<ActivationGiven>();
const device = new FakeDevice({ url, org, clock: systemClock });
const { device: id, ring } = await device.enrol(token);

const spent = { check: 0, write: 0 };
async function timed<T>(what: keyof typeof spent, work: Promise<T>): Promise<T> {
  const begun = performance.now();
  try {
    return await work;
  } finally {
    spent[what] += performance.now() - begun;
  }
}

const engine = await openOrganisation({
  dataDir: join(folder, 'data'),
  enrolment: { url, org, device: id, ring, root },
  keys: () => ({ kid: device.keys.kid, sign: device.keys.sign, seal: [device.keys.seal] }),
  management: { beforeFirstPolicy: 'pass', floors: {} },
  roots: async () => [],
  surroundings: () => ({
    facts: device.facts,
    queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
    warnings: [],
  }),
  env: {},
  version: '1.0.0',
  clock: systemClock,
  log: silentLog,
  random: Math.random,
  onEvent: () => undefined,
  onConditions: () => undefined,
  checks: {
    document: (job) => timed('check', threadChecks.document(job)),
    activation: (job) => timed('check', threadChecks.activation(job)),
    start: threadChecks.start,
  },
  files: {
    write: (path, bytes) => timed('write', filePort.write(path, bytes)),
    sync: (path) => timed('write', filePort.sync(path)),
    rename: (from, to) => timed('write', filePort.rename(from, to)),
    syncFolder: (path) => timed('write', filePort.syncFolder(path)),
    remove: (path) => timed('write', filePort.remove(path)),
  },
});

/** Longest time for which the main thread answered nobody while this went on. Milliseconds. */
async function stallDuring<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly stallMs: number }> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const result = await work();
  delays.disable();
  // What it measures is from one tick of 1 ms to the next.
  return { result, stallMs: Math.max(0, delays.max / 1e6 - 1) };
}

serve(
  undefined,
  {
    /** Looks, and activates what is new. */
    activate: async (version: number): Promise<Activated> => {
      Object.assign(spent, { check: 0, write: 0 });
      const cpu = process.threadCpuUsage();
      const begun = performance.now();
      const { result, stallMs } = await stallDuring(() => engine.syncNow());
      const totalMs = performance.now() - begun;
      const { user, system } = process.threadCpuUsage(cpu);
      if (result.policy?.version !== version)
        throw new Error(`version ${result.policy?.version} rules, not ${version}`);
      return { totalMs, stallMs, checkMs: spent.check, writeMs: spent.write, mainCpuMs: (user + system) / 1000 };
    },
    /** The same without anything to do, for as long: what the machine itself does to a thread. */
    idle: async (ms: number) => (await stallDuring(() => pause(ms))).stallMs,
  },
  async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  },
);
