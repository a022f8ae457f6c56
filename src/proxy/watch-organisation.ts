// SPDX-License-Identifier: Apache-2.0
// Turns what an organisation's side of the device reports into warnings of the health catalogue, and back. Wiring; decides only when a
// failing upload is worth a word.

import type { Health } from './health/registry.ts';
import type { Standing } from './managed-source.ts';
import type { Trouble } from './sync/enrol/boot.ts';
import type { OrgCondition } from './sync/status.ts';
import type { UploadEvent } from './upload/upload-protocol.ts';
import type { UploadStatus } from './upload/uploader.ts';

/** A backlog that is older than this is told. Milliseconds: a day, since laptops are offline at night. */
const OLD_BACKLOG_MS = 86_400_000;

export interface OrgWarnings {
  settings(now: Standing): void;
  trouble(trouble: Trouble | undefined): void;
  /** @param store that could keep the key to them; undefined: they are encrypted, or there is none */
  inClear(store: string | undefined): void;
  conditions(conditions: readonly OrgCondition[]): void;
  /** @param now wall time, milliseconds since the Unix epoch */
  upload(status: UploadStatus, now: number): void;
  uploadEvent(event: UploadEvent): void;
}

const CODES = [
  'policy-waiting',
  'policy-stale',
  'policy-expired',
  'policy-rolled-back',
  'policy-refused',
  'device-revoked',
  'reenrol-needed',
  'agent-outdated',
  'order-in-force',
  'override-in-force',
] as const;

export function warnOfOrganisation(health: Health): OrgWarnings {
  return {
    settings({ problem, inDoubt }) {
      if (problem === undefined) return health.clear('managed-settings-ignored');
      const { path, message, line, column } = problem;
      health.set('managed-settings-ignored', { path, message, line, column, inDoubt });
    },
    trouble(trouble) {
      if (trouble === undefined) health.clear('not-enrolled');
      else health.set('not-enrolled', { text: trouble.text });
    },
    inClear(store) {
      if (store === undefined) health.clear('keys-in-clear');
      else health.set('keys-in-clear', { store });
    },
    conditions(conditions) {
      const raised = new Set<string>();
      for (const condition of conditions) raised.add(raise(health, condition));
      for (const code of CODES) if (!raised.has(code)) health.clear(code);
    },
    upload({ oldest, lastError }, now) {
      const isOld = oldest !== undefined && now - oldest > OLD_BACKLOG_MS;
      if (isOld) health.set('upload-behind', { since: oldest, reason: lastError ?? 'it has not begun' });
      else health.clear('upload-behind');
    },
    uploadEvent(event) {
      if (event.kind === 'fork' || event.kind === 'receipt-mismatch' || event.kind === 'unreadable') {
        health.set('upload-stopped', { epoch: event.epoch, reason: event.kind });
      }
    },
  };
}

/** The code that was raised. */
function raise(health: Health, condition: OrgCondition): (typeof CODES)[number] {
  switch (condition.code) {
    case 'policy-stale':
    case 'policy-expired':
      health.set(condition.code, { since: condition.since });
      return condition.code;
    case 'policy-refused': {
      const { line, column, message } = condition.error;
      health.set('policy-refused', { version: condition.version, line, column, message });
      return condition.code;
    }
    case 'agent-outdated':
      health.set('agent-outdated', { wanted: condition.wanted });
      return condition.code;
    case 'order':
      health.set('order-in-force', { level: condition.level, reason: condition.reason });
      return 'order-in-force';
    case 'override':
      health.set('override-in-force', { until: condition.until });
      return 'override-in-force';
    default:
      health.set(condition.code, {});
      return condition.code;
  }
}
