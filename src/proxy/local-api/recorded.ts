// SPDX-License-Identifier: Apache-2.0
// Builds "what is recorded about me" from the audit room's facts. Pure. Reads no file.

import type { AuditRow } from '../../contract/audit-row.ts';
import type { RecordedView } from '../../contract/local-api.ts';
import { FIELDS_OF_KIND, RECORDED_FIELDS } from '../../contract/recorded-fields.ts';
import type { AuditLevel } from '../audit/audit-log.ts';

export interface RecordedFacts {
  readonly level: AuditLevel;
  /** Folder of the log. */
  readonly where: string;
  readonly rows: number;
  readonly bytes: number;
  readonly capBytes: number;
  readonly retentionDays: number | undefined;
  /** Milliseconds since the Unix epoch; undefined: not known, or no rows. */
  readonly oldestAt: number | undefined;
  /** Newest first. */
  readonly newest: readonly AuditRow[];
  readonly platform: NodeJS.Platform;
}

const HEADER_FIELDS = ['v', 'epoch', 'seq', 'at', 'prev', 'hash', 'kind'] as const;

/** Each field of a row once, with the kinds of row that have it. Fields of every row come first. */
function fields(): RecordedView['fields'] {
  const kinds = new Map<string, string[]>(HEADER_FIELDS.map((name) => [name, []]));
  for (const [kind, names] of Object.entries<readonly string[]>(FIELDS_OF_KIND)) {
    for (const name of names) kinds.set(name, [...(kinds.get(name) ?? []), kind]);
  }
  const meanings: Readonly<Record<string, string>> = RECORDED_FIELDS;
  return [...kinds].map(([name, in_]) => ({ name, meaning: meanings[name] ?? '', kinds: in_ }));
}

/** `kinds` of a field is empty where every row has it. */
export function recordedView(facts: RecordedFacts): RecordedView {
  return {
    content: 'metadata',
    level: facts.level,
    fields: fields(),
    where: facts.where,
    leaves_device: false,
    readable_by:
      facts.platform === 'win32'
        ? 'You, and administrators of this machine.'
        : 'You (the files are open to your account only), and administrators of this machine.',
    rows: facts.rows,
    bytes: facts.bytes,
    cap_bytes: facts.capBytes,
    ...(facts.retentionDays === undefined ? {} : { retention_days: facts.retentionDays }),
    ...(facts.oldestAt === undefined ? {} : { oldest_at: facts.oldestAt }),
    newest: facts.newest.map((row) => JSON.stringify(row)),
  };
}
