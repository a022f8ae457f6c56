// SPDX-License-Identifier: Apache-2.0
// Menu, tooltip and notices of the tray, and why the daemon is not there. Nothing here is shown as code: menus know no markup.

import { plural } from '../plural.ts';

export const TRAY = {
  /** Name and sentence of the tooltip. */
  tooltip: (sentence: string) => `Outpost: ${sentence}`,
  status: {
    /** `since`: of today; undefined: the whole day is known. */
    protected: (apps: number, since: string | undefined) =>
      apps === 0
        ? 'Protected'
        : `Protected: ${apps} ${plural(apps, 'app', 'apps')} seen ${since === undefined ? 'today' : `since ${since}`}`,
    incompatible: 'Tray and Outpost are of versions that do not fit together',
    gaveUp: 'Outpost cannot be kept running',
    outOfRoutes: (instead: string) => `Provider trouble: ${instead} does not answer, and nothing stands in`,
    fallback: (using: string, instead: string) => `Provider trouble: using ${using} instead of ${instead}`,
    fallbacks: (count: number) => `Provider trouble: ${count} providers are replaced`,
    providersOut: (names: string) => `Provider trouble: ${names} does not answer`,
    offline: 'This computer is offline',
  },
  warnings: (count: number) => plural(count, 'One warning…', `${count} warnings…`),
  /** By the older side: that one is to be started again. */
  otherVersion: {
    tray: (version: string) => `Outpost is version ${version} already; quit and start the tray to follow`,
    daemon: (version: string) => `Version ${version} runs; a restart brings the installed one`,
    unknown: (version: string) => `Outpost is version ${version}, the tray is another`,
  },
  organisation: (name: string, phase: string | undefined) =>
    phase === undefined ? `Managed by ${name}` : `Managed by ${name}: ${phase}`,
  phase: {
    waiting: 'waiting for its rules',
    stale: 'rules not refreshed in time',
    expired: 'rules expired',
    revoked: 'this device was revoked',
  },
  blocked: 'Blocked recently',
  blockedCall: (time: string, app: string, reason: string) => `${time} ${app}: ${reason}`,
  someApp: 'An app',
  blockedReason: 'blocked by a rule',
  open: 'Open status…',
  recorded: 'What is recorded…',
  diagnostics: 'Diagnostics…',
  help: 'Get help…',
  helpOf: (label: string) => `Get help: ${label}`,
  about: 'About Outpost',
  start: 'Start Outpost',
  quit: {
    goesOn: 'Quit the tray (protection continues)',
    ends: 'Quit and stop Outpost (AI tools fail without it)',
    down: 'Quit the tray',
  },
  ends: {
    exit: (code: number) => `it ended by itself with code ${code}`,
    signal: (name: string) => `it was ended by the signal ${name}`,
    folderTaken: 'another Outpost holds its folder and does not answer',
    portTaken: 'another program has taken one of its ports',
    silent: 'it did not answer in time',
    notStarted: 'it could not be started',
    unknown: 'no reason is known yet',
  },
  older: {
    tray: (version: string) => `the tray is older than Outpost, which is version ${version}`,
    daemon: (version: string) => `Outpost is version ${version} and older than the tray`,
    unknown: (version: string) => `Outpost is version ${version}`,
  },
  failed: {
    notAnswering: 'Outpost is not answering.',
    sync: 'The control plane could not be asked.',
    rows: 'The rows could not be saved there.',
    bundle: 'The support bundle could not be made there.',
    address: 'The window does not open this address.',
    notOpened: 'The address could not be opened.',
  },
  notice: {
    blockedOne: (app: string) => `A call from ${app} was blocked`,
    blockedMany: (count: number) => `${count} AI calls were blocked`,
    blockedText: (reason: string, model: string | undefined) => (model === undefined ? reason : `${reason} (${model})`),
    blockedLast: (app: string, reason: string) => `The last from ${app}: ${reason}`,
    fallbackBegan: (instead: string) => `${instead} does not answer`,
    fallbackText: (using: string) => `${using} answers instead.`,
    fallbackNone: 'No other provider stands in.',
    fallbackEnded: (instead: string) => `${instead} answers again`,
    fallbackEndedText: 'Calls go to it as usual.',
    providersMany: (count: number) => `${count} AI providers changed`,
    providersList: (out: string, back: string) =>
      [out === '' ? '' : `Out: ${out}.`, back === '' ? '' : `Back: ${back}.`].filter((part) => part !== '').join(' '),
    healthMany: (count: number) => `${count} things need attention`,
  },
};
