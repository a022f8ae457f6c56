// SPDX-License-Identifier: Apache-2.0
// Which whole files may go, and the gap row that says that they went. Chooses; removes nothing.

import type { GapBody } from '../../contract/audit-row.ts';
import type { QueueFileName } from './folder.ts';
import { openReadable } from './open-readable.ts';
import type { AuditSettings } from './writer-protocol.ts';

const DEFAULT_RETENTION_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * Of all files, oldest first, those whose last row is older than `days`: a file ends when the next one is made. Never the last, and none
 * from `unsentFrom` on.
 */
export function expiredFiles(
  files: readonly QueueFileName[],
  { retentionDays = DEFAULT_RETENTION_DAYS, unsentFrom }: Pick<AuditSettings, 'retentionDays' | 'unsentFrom'>,
  now: number,
): readonly QueueFileName[] {
  const oldest = now - retentionDays * DAY_MS;
  // -1 for an epoch without a file: then none may go.
  const sent = unsentFrom === undefined ? files.length : files.findIndex(({ epoch }) => epoch === unsentFrom);
  return files.slice(0, -1).filter((_, index) => index < sent && (files[index + 1]?.created ?? now) < oldest);
}

/** Must be durable before the file is removed, so that `verify` takes the missing file as explained. */
export function removalGap(file: QueueFileName, reason: 'retention' | 'cap'): GapBody {
  const last = lastSeq(file);
  const range = last === 0 ? {} : { from_seq: 1, to_seq: last, count: last };
  return { kind: 'gap', reason, epoch: file.epoch, ...range };
}

function lastSeq(name: QueueFileName): number {
  try {
    const file = openReadable(name.path);
    try {
      return file.db.prepare<[], number | null>('SELECT max(seq) FROM rows').pluck().get() ?? 0;
    } finally {
      file.close();
    }
  } catch {
    return 0;
  }
}
