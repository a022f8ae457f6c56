// SPDX-License-Identifier: Apache-2.0
// Builds "what is recorded about me" from the audit room's facts. Pure. Reads no file.

import type { AuditRow } from '../../contract/audit-row.ts';
import type { RecordedView } from '../../contract/local-api.ts';
import type { Reader } from '../../contract/local-api-constants.ts';
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
  /** Name of the organisation that the rows are uploaded to; undefined: there is none. */
  readonly organisation: string | undefined;
  /** A summary of each call goes to a collector (`telemetry.otlp`). */
  readonly telemetry: boolean;
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

function readersOf({ organisation, telemetry }: RecordedFacts): readonly Reader[] {
  return [
    'you',
    'local-admins',
    ...(organisation === undefined ? [] : (['organisation'] as const)),
    ...(telemetry ? (['telemetry'] as const) : []),
  ];
}

function inWords({ organisation, telemetry, platform }: RecordedFacts): string {
  const you = platform === 'win32' ? 'You' : 'You (the files are open to your account only)';
  const sentences = [`${you}, and administrators of this machine.`];
  if (organisation !== undefined) {
    sentences.push(
      `The rows are uploaded to the control plane of ${organisation}, whose administrators and auditors can read them.`,
    );
  }
  if (telemetry)
    sentences.push('A summary of each call is sent to the collector that the rules name (`telemetry.otlp`).');
  return sentences.join(' ');
}

/** `kinds` of a field is empty where every row has it. */
export function recordedView(facts: RecordedFacts): RecordedView {
  return {
    content: 'metadata',
    level: facts.level,
    fields: fields(),
    where: facts.where,
    leaves_device: facts.organisation !== undefined || facts.telemetry,
    readable_by: inWords(facts),
    readers: [...readersOf(facts)],
    ...(facts.organisation === undefined ? {} : { organisation: facts.organisation }),
    rows: facts.rows,
    bytes: facts.bytes,
    cap_bytes: facts.capBytes,
    ...(facts.retentionDays === undefined ? {} : { retention_days: facts.retentionDays }),
    ...(facts.oldestAt === undefined ? {} : { oldest_at: facts.oldestAt }),
    newest: facts.newest.map((row) => JSON.stringify(row)),
  };
}
