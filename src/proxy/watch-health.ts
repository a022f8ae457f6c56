// SPDX-License-Identifier: Apache-2.0
// Turns what the parts report into warnings of the health catalogue, and back. Wiring with thresholds; shows nothing itself.

import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { AuditLog, AuditStats } from './audit/audit-log.ts';
import { freeBytes } from './health/disk.ts';
import type { Health } from './health/registry.ts';
import type { ClientDistrust } from './intercept/tls-server.ts';
import { watchTime } from './os/power/wake.ts';
import type { PolicyStatus, PolicyStore } from './policy/policy.ts';

/** Below this the audit ballast and SQLite's own needs are at risk. Bytes. */
const LOW_DISK = 256 * 1024 * 1024;
const DISK_EVERY_MS = 60_000;
/** Reading the store costs some milliseconds; it changes when somebody installs something. */
const TRUST_EVERY_MS = 600_000;
/** The same app and host must fail this often in a row before it counts as pinned (endpoint.md 5.3, 7). */
const PINNED_AFTER = 2;
/** Pairs of app and host that are counted; a hostile process can make up any number of them. */
const MAX_PAIRS = 256;

export interface HealthWatch {
  onClientDistrust(distrust: ClientDistrust): void;
  close(): void;
}

export function watchHealth(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly audit: AuditLog;
  readonly store: PolicyStore;
  readonly dataDir: string;
  /** Does the system trust our current root? */
  readonly isTrusted: () => Promise<boolean>;
  /** The machine slept. */
  readonly onWake: () => void;
}): HealthWatch {
  const { clock, log, health, audit, store, dataDir, isTrusted } = parts;

  function fromAudit(stats: AuditStats): void {
    const reason = stats.reason ?? '';
    if (stats.state === 'down') health.set('audit-down', { reason });
    else health.clear('audit-down');
    if (stats.state === 'full') health.set('audit-full', { reason });
    else health.clear('audit-full');
    if (stats.state === 'degraded') health.set('audit-degraded', { reason });
    else health.clear('audit-degraded');
  }

  function fromPolicy(status: PolicyStatus): void {
    const error = status.state === 'rejected' ? status.errors[0] : undefined;
    if (status.state !== 'rejected' || error === undefined) return health.clear('config-rejected');
    health.set('config-rejected', {
      file: status.path,
      line: error.line,
      column: error.column,
      message: error.message,
    });
    audit.event({
      kind: 'event',
      event: 'config-rejected',
      detail: { line: error.line, column: error.column, message: error.message.slice(0, 256) },
    });
  }

  async function lookAtDisk(): Promise<void> {
    try {
      const free = await freeBytes(dataDir);
      if (free < LOW_DISK) health.set('disk-low', { freeBytes: free });
      else health.clear('disk-low');
    } catch (error) {
      log.warn('disk-not-readable', { error: String(error) });
    }
  }

  async function lookAtTrust(): Promise<void> {
    try {
      if (await isTrusted()) health.clear('ca-not-trusted');
      else health.set('ca-not-trusted', {});
    } catch (error) {
      log.warn('trust-store-not-readable', { error: String(error) });
    }
  }

  const stopTime = watchTime({
    clock,
    onJump(jump) {
      // Forward jumps are mostly sleep, which the monotonic clock of some systems does not count.
      if (jump < 0) health.set('clock-off', { seconds: -jump / 1000 });
      audit.event({ kind: 'event', event: 'clock-jump', detail: { milliseconds: Math.round(jump) } });
    },
    onWake(ms) {
      log.info('woke', { seconds: Math.round(ms / 1000) });
      parts.onWake();
    },
  });

  const failures = new Map<string, number>();
  const onClientDistrust = ({ host, connection, reason }: ClientDistrust): void => {
    void connection.owner().then((owner) => {
      const app = owner?.app ?? 'unknown app';
      const key = `${app} ${host}`;
      const count = (failures.get(key) ?? 0) + 1;
      if (failures.size < MAX_PAIRS || failures.has(key)) failures.set(key, count);
      log.info('client-distrust', { app, host, reason, count });
      if (count !== PINNED_AFTER) return;
      health.set('pinned-client', { app, host });
      audit.event({ kind: 'event', event: 'pinned-client', detail: { app: app.slice(0, 256), host, reason } });
    });
  };

  fromAudit(audit.stats());
  fromPolicy(store.status);
  void lookAtDisk();
  void lookAtTrust();
  const trustTimer = clock.every(TRUST_EVERY_MS, () => void lookAtTrust());
  const timer = clock.every(DISK_EVERY_MS, () => void lookAtDisk());
  const undo = [audit.onStats(fromAudit), store.onChange((_policy, status) => fromPolicy(status))];
  return {
    onClientDistrust,
    close() {
      stopTime();
      timer.clear();
      trustTimer.clear();
      for (const stop of undo) stop();
    },
  };
}
