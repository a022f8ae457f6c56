// SPDX-License-Identifier: Apache-2.0
// “What is recorded about me.” Text in `backticks` is shown as code.

import type { OrganisationState } from '../../contract/local-api.ts';
import type { Reader } from '../../contract/local-api-constants.ts';
import { plural } from '../plural.ts';

export const RECORDED = {
  title: 'What is recorded about me',
  loading: 'Loading…',
  failed: 'This could not be loaded.',
  again: 'Try again',
  stale: 'Outpost does not answer; this is from before.',
  short: 'In short',
  points: {
    no: 'What you write to an AI service and what it answers is not recorded. Neither are files, pictures, passwords or keys.',
    yes: 'For each AI call Outpost notes which app asked which service and model, when, how large it was, how long it took, and whether it was allowed.',
    other: 'Connections to other sites are passed on unopened. Of them only the number is counted.',
    otherHeader:
      'Connections to other sites are passed on unopened, but for those that the rules name to set a header of your organisation: they are opened for it, and nothing of them is kept. Of all of them only the number is counted.',
    stays: 'The log stays on this machine.',
    leaves: 'The log is sent to your organisation.',
    summaries: 'A summary of each call is sent to the collector that the rules name.',
  },
  opened: 'What is opened, and what is only counted',
  openedText: 'By the rules that hold now, for the host names that they and the list of known AI services name:',
  hosts: {
    govern: (count: number) =>
      `${count} ${plural(count, 'host is', 'hosts are')} opened: AI calls to ${plural(count, 'it', 'them')} are checked and recorded.`,
    header: (count: number) =>
      `${count} ${plural(count, 'host is', 'hosts are')} opened to set a header of your organisation where the rules have one; nothing else is read, nothing is recorded, calls are counted.`,
    tunnel: (count: number) =>
      `${count} ${plural(count, 'host is', 'hosts are')} passed on unopened by rule; connections are counted.`,
    block: (count: number) =>
      `${count} ${plural(count, 'host is', 'hosts are')} blocked: each attempt is recorded, none is sent on.`,
  },
  hostsOther: 'All other hosts are passed on unopened; connections are counted.',
  where: 'Where, how long, and who can read it',
  folder: 'Folder',
  retention: 'How long',
  retentionText: (days: number | undefined, cap: string) =>
    `${days === undefined ? '' : `At most ${days} ${plural(days, 'day', 'days')}. `}The log takes at most ${cap} of disk.`,
  readers: 'Who can read it',
  reader: {
    you: () => 'You.',
    'local-admins': () => 'Administrators of this machine.',
    organisation: (name: string | undefined) =>
      `Administrators and auditors of ${name ?? 'your organisation'}, to whom it is uploaded.`,
    telemetry: () =>
      'Who runs the collector that the rules name (`telemetry.otlp`): a summary of each call, not the rows.',
  } satisfies Record<Reader, (organisation: string | undefined) => string>,
  level: 'When a row is written',
  levels: {
    strict: 'Before a call is sent, safely on disk; else the call is refused.',
    standard: 'Before a call is sent; if that takes too long, the call goes out and its row says so.',
    relaxed: 'When a call has ended.',
  },
  size: 'Now',
  sizeText: (rows: string, bytes: string) => `${rows} rows, ${bytes}`,
  oldest: (time: string) => `, the oldest from ${time}`,
  tamper: 'Changing it',
  tamperText:
    'Each row carries a fingerprint of the one before: a changed or missing row is noticed. `outpost audit verify` checks it.',
  upload: 'What your organisation has received',
  uploadOf: 'Organisation',
  uploadState: 'Upload',
  uploadStates: {
    idle: 'All rows are uploaded.',
    sending: 'Rows are being uploaded.',
    waiting: 'Rows are uploaded at the next chance.',
    refused: 'The organisation does not take rows of this device any more.',
  } satisfies Record<OrganisationState['upload']['state'], string>,
  uploadRows: 'Still to go',
  uploadRowsText: (rows: string, count: number) => `${rows} ${plural(count, 'row', 'rows')}`,
  uploadQuarantined: 'Kept back',
  uploadQuarantinedText: (rows: string, count: number) =>
    `${rows} ${plural(count, 'row does', 'rows do')} not fit to what the organisation has, and ${plural(count, 'stays', 'stay')} on this device.`,
  uploadLast: 'Last upload',
  uploadNever: 'None since the start',
  uploadError: 'Last fault',
  export: 'Take it with you',
  exportText: 'Saves every row of the log, as it is stored, to one file (JSON lines).',
  exportButton: 'Save all rows to a file',
  exportBusy: 'Saving…',
  exportSaved: (path: string) => `Saved as \`${path}\`.`,
  exportBrowser: 'Your browser saves the file and says where.',
  exportCancelled: 'Nothing was saved.',
  exportFailed: (reason: string) => `The rows could not be saved: ${reason}`,
  exportAway: 'Outpost did not answer.',
  newest: 'The newest rows, exactly as stored',
  newestText: 'This is the whole of each row; there is nothing more behind it.',
  newestEmpty: 'Nothing has been recorded yet.',
  reload: 'Show newer rows',
  reloaded: (rows: string) => `Loaded again; ${rows} rows are in the log.`,
  fields: 'Every field and what it means',
  fieldsTable: 'Table of fields',
  field: 'Field',
  meaning: 'Meaning',
  foundIn: 'In rows about',
  everyRow: 'everything',
  kinds: {
    intent: 'a call before it is sent',
    refusal: 'a blocked call',
    attempt: 'one try at a provider',
    outcome: 'how a call ended',
    orphan: 'a call whose end is not known',
    gap: 'missing rows',
    epoch: 'a new log file',
    event: 'Outpost itself',
  } as Readonly<Record<string, string>>,
  row: (seq: string, kind: string) => `Row ${seq}, ${kind}`,
  unreadable: 'a row of an unknown form',
};
