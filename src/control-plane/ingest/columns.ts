// SPDX-License-Identifier: Apache-2.0
// What of a row's body can be searched for, as columns. Reads bodies of any agent, also ones with kinds or members that are not known
// here: a member that is not what it should be is left out. Pure.

import type { AuditTable } from '../db/tables.ts';

/** A parsed body. */
export type BodyMembers = Readonly<Record<string, unknown>>;

export type RowColumns = Pick<
  AuditTable,
  | 'kind'
  | 'request'
  | 'decision'
  | 'app'
  | 'provider'
  | 'model'
  | 'host'
  | 'what'
  | 'rule'
  | 'policy'
  | 'input_tokens'
  | 'output_tokens'
>;

/** UTF-16 units. Texts of rows have no more (contract/audit-row.ts); PostgreSQL refuses what makes an index entry of over 2,700 bytes. */
const LONGEST = 256;
/** Of a row whose body is not here. */
export const QUARANTINED = 'quarantined';

const NOTHING: Omit<RowColumns, 'kind'> = {
  request: null,
  decision: null,
  app: null,
  provider: null,
  model: null,
  host: null,
  what: null,
  rule: null,
  policy: null,
  input_tokens: null,
  output_tokens: null,
};

/** `body` undefined: quarantined. */
export function columnsOf(body: BodyMembers | undefined): RowColumns {
  if (body === undefined) return { kind: QUARANTINED, ...NOTHING };
  // An outcome whose call has no intent row says here whose it was.
  const merged = isMembers(body['merged']) ? body['merged'] : {};
  const text = (name: string) => columnText(body[name]) ?? columnText(merged[name]);
  return {
    kind: text('kind') ?? '',
    request: text('request'),
    decision: text('decision'),
    app: text('app'),
    provider: text('provider'),
    // What was asked of the provider, else what was asked for, else what answered.
    model: text('target_model') ?? text('model') ?? text('answer_model'),
    host: text('host'),
    // Each kind has one of these at most.
    what: text('action') ?? text('result') ?? text('reason') ?? text('event'),
    rule: text('rule'),
    policy: text('policy'),
    input_tokens: columnCount(body['input_tokens']),
    output_tokens: columnCount(body['output_tokens']),
  };
}

/** A text as both databases can hold and index it: cut, without lone surrogates, and without NUL, which PostgreSQL has not. */
export function columnText(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const cut = value.length > LONGEST ? value.slice(0, LONGEST) : value;
  const formed = cut.isWellFormed() ? cut : cut.toWellFormed();
  return formed.includes('\0') ? formed.replaceAll('\0', '\u{FFFD}') : formed;
}

function columnCount(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null;
}

export function isMembers(value: unknown): value is BodyMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
