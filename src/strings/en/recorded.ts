// SPDX-License-Identifier: Apache-2.0
// “What is recorded about me.” Text in `backticks` is shown as code.

import { plural } from '../plural.ts';

export const RECORDED = {
  title: 'What is recorded about me',
  loading: 'Loading…',
  failed: 'This could not be loaded.',
  again: 'Try again',
  short: 'In short',
  points: {
    no: 'What you write to an AI service and what it answers is not recorded. Neither are files, pictures, passwords or keys.',
    yes: 'For each AI call Outpost notes which app asked which service and model, when, how large it was, how long it took, and whether it was allowed.',
    other: 'Connections to other sites are passed on unopened. Of them only the number is counted.',
    stays: 'The log stays on this machine.',
    leaves: 'The log is sent to your organisation.',
  },
  where: 'Where, how long, and who can read it',
  folder: 'Folder',
  retention: 'How long',
  retentionText: (days: number | undefined, cap: string) =>
    `${days === undefined ? '' : `At most ${days} ${plural(days, 'day', 'days')}. `}The log takes at most ${cap} of disk.`,
  readers: 'Who can read it',
  size: 'Now',
  sizeText: (rows: string, bytes: string) => `${rows} rows, ${bytes}`,
  oldest: (time: string) => `, the oldest from ${time}`,
  tamper: 'Changing it',
  tamperText:
    'Each row carries a fingerprint of the one before: a changed or missing row is noticed. `outpost audit verify` checks it.',
  newest: 'The newest rows, exactly as stored',
  newestText: 'This is the whole of each row; there is nothing more behind it.',
  newestEmpty: 'Nothing has been recorded yet.',
  reload: 'Show newer rows',
  fields: 'Every field and what it means',
  fieldsTable: 'Table of fields',
  field: 'Field',
  meaning: 'Meaning',
  foundIn: 'In rows about',
  everyRow: 'everything',
  kinds: {
    intent: 'a call before it is sent',
    refusal: 'a blocked call',
    outcome: 'how a call ended',
    orphan: 'a call whose end is not known',
    gap: 'missing rows',
    epoch: 'a new log file',
    event: 'Outpost itself',
  } as Readonly<Record<string, string>>,
  row: (seq: string, kind: string) => `Row ${seq}, ${kind}`,
  unreadable: 'a row of an unknown form',
};
