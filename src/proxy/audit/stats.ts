// SPDX-License-Identifier: Apache-2.0
// The state of the audit log in one value and in words. Pure.

import type { AuditStats } from './audit-log.ts';
import { WARN_FILL } from './fill.ts';
import type { AuditSettings, WriterStatus } from './writer-protocol.ts';

export interface StatsInput {
  readonly settings: AuditSettings;
  /** What the writer said last; undefined before it was ready. */
  readonly status: WriterStatus | undefined;
  /** Why there is no writer. */
  readonly down: string | undefined;
  readonly pending: number;
  /** Rows that are not committed although their deadline has passed. */
  readonly late: number;
  readonly dropped: number;
}

export function statsOf({ settings, status, down, pending, late, dropped }: StatsInput): AuditStats {
  return {
    ...judge({ status, down, late }),
    level: settings.level,
    epoch: status?.epoch ?? '',
    seq: status?.seq ?? 0,
    watermark: status?.watermark ?? 0,
    pending,
    bytes: status?.bytes ?? 0,
    capBytes: status?.capBytes ?? settings.capBytes,
    dropped,
  };
}

function judge({
  status,
  down,
  late,
}: Pick<StatsInput, 'status' | 'down' | 'late'>): Pick<AuditStats, 'state' | 'reason'> {
  if (down !== undefined) return { state: 'down', reason: down };
  if (status === undefined) return { state: 'down', reason: 'the audit log is being opened' };
  if (status.mode === 'disk') return { state: 'full', reason: 'the disk is full' };
  if (status.mode === 'cap') return { state: 'full', reason: 'its size limit is reached' };
  if (late > 0) return { state: 'degraded', reason: `the disk is slow: ${late} rows are not stored yet` };
  if (status.bytes >= status.capBytes * WARN_FILL) {
    return {
      state: 'degraded',
      reason: `${Math.floor((status.bytes / status.capBytes) * 100)} % of its size limit is used`,
    };
  }
  return { state: 'healthy', reason: undefined };
}
