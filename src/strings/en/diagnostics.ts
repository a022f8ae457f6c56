// SPDX-License-Identifier: Apache-2.0
// Checks and the support bundle. Text in `backticks` is shown as code.

import type { CheckStatus } from '../../contract/local-api.ts';
import { plural } from '../plural.ts';

export const DIAGNOSTICS = {
  title: 'Diagnostics',
  intro: 'When something does not work: run the checks first. They change nothing.',
  checks: 'Checks',
  checksText: 'Looks at ports, certificate, log, disk and clock. `outpost doctor` does the same in a terminal.',
  run: 'Run the checks',
  again: 'Run the checks again',
  stop: 'Stop',
  stopping: 'Stopping…',
  running: (ended: number) =>
    ended === 0 ? 'Checking…' : `Checking… ${ended} ${plural(ended, 'check', 'checks')} done`,
  done: (fails: number) =>
    fails === 0 ? 'All checks are done; none failed.' : `${fails} ${plural(fails, 'check', 'checks')} failed.`,
  at: (time: string) => `Done at ${time}`,
  stopped: (ended: number) => `Stopped after ${ended} ${plural(ended, 'check', 'checks')}.`,
  failedShort: 'The checks could not be run.',
  failed: 'The checks could not be run to their end. Try again, or run `outpost doctor` in a terminal.',
  list: 'Results of the checks',
  fix: 'What to do: ',
  status: { ok: 'Fine', warn: 'Look at this', fail: 'Failed', unknown: 'Not known' } satisfies Record<
    CheckStatus,
    string
  >,
  copyReport: 'Copy the report',
  copied: 'The report is copied.',
  notCopied: 'Copying was not allowed.',
  reportTitle: (version: string) => `Outpost ${version}, checks`,
  reportFix: (fix: string) => `  what to do: ${fix}`,
  browserDown: 'Outpost is not answering, so this page cannot run the checks. A terminal can:',
  bundle: 'Support bundle',
  bundleText:
    'A file (zip) that helps IT to find out what is wrong. You decide whom to give it to; Outpost sends it nowhere.',
  bundleHas: 'What is in it',
  bundleIn: [
    'results of the checks',
    'versions of Outpost and of the system',
    'the state of Outpost: warnings, providers, counts',
    'the shape of the rules: names and counts',
    'where proxy settings lead, and names and sizes of Outpost’s files',
  ],
  bundleHasNot: 'What is not in it',
  bundleOut: [
    'anything that was said to an AI service, or answered',
    'passwords, keys and tokens',
    'values of the rules, rows of the audit log',
    'names of apps, or the hosts that they called',
    'your name and mail addresses; the home folder is written as ~',
  ],
  save: 'Save the support bundle',
  saving: 'Saving…',
  saved: (path: string | undefined) => (path === undefined ? 'The browser saves the file.' : `Saved as \`${path}\`.`),
  cancelled: 'Nothing was saved.',
  notSaved: (reason: string) => `The file could not be saved: ${reason}`,
  checksCommand: 'outpost doctor',
  bundleCommand: 'outpost support',
};
