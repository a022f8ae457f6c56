// SPDX-License-Identifier: Apache-2.0
// Versions, preferences, licences. Text in `backticks` is shown as code.

import type { LANGUAGES, Preferences, THEMES } from '../../contract/tray.ts';

export const ABOUT = {
  title: 'About Outpost',
  what: 'Outpost puts your organisation’s rules for AI services in force on this machine: it checks each AI call here, passes it on to the provider, and notes that it was made. What is said in a call is neither recorded nor sent anywhere but to the provider.',
  versions: 'Versions',
  daemon: 'Outpost',
  daemonUnknown: 'not known while it does not answer',
  tray: 'Tray and window',
  runtime: 'Runs on',
  host: 'Kept running by',
  hosts: {
    service: 'the system: it goes on when the tray is quit',
    child: 'the tray: it ends when the tray is quit',
  },
  preferences: 'Preferences',
  preferencesText: 'For you alone. Each choice holds at once.',
  language: 'Language',
  languages: { en: 'English', de: 'Deutsch' } satisfies Record<(typeof LANGUAGES)[number], string>,
  theme: 'Appearance',
  themes: { system: 'As the system', light: 'Light', dark: 'Dark' } satisfies Record<(typeof THEMES)[number], string>,
  asSystem: 'As the system',
  notifications: 'Tell me when a call is blocked or a provider changes',
  open_at_login: 'Open the tray when I sign in',
  saved: 'Your choice holds from now on.',
  notSaved: 'Your choice could not be kept.',
  help: 'Help',
  helpText: 'Your organisation helps with Outpost:',
  helpNone:
    'Your organisation has not named a place for help. `outpost doctor` and the documentation that came with Outpost are the next steps.',
  licences: 'Licences',
  licencesText:
    'Outpost is free software under the Apache License 2.0. It contains the work of others; their licences and notices are in the files that came with the program.',
} satisfies { readonly [K in keyof Preferences]: string } & Record<string, unknown>;
