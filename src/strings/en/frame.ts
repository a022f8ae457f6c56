// SPDX-License-Identifier: Apache-2.0
// The frame of the window: navigation, the link to the daemon, the one sentence on how things stand. Text in `backticks` is shown as code.

import { plural } from '../plural.ts';

export const FRAME = {
  product: 'Outpost',
  skip: 'Skip to content',
  nav: 'Pages',
  pages: {
    overview: 'Overview',
    usage: 'Usage',
    activity: 'Activity',
    recorded: 'What is recorded',
    diagnostics: 'Diagnostics',
    about: 'About',
  },
  link: {
    lostTitle: 'Outpost is not answering',
    lostText: (time: string) =>
      `No answer since ${time}. This page tries again by itself. In a terminal, \`outpost doctor\` says what is wrong.`,
    stale: 'What you see below is from before.',
    retry: 'Try now',
    startingTitle: 'Outpost is starting',
    startingText: 'This takes a moment.',
    waitingTitle: 'Outpost stopped and is started again',
    waitingText: (time: string | undefined) =>
      `${time === undefined ? 'The next try follows by itself.' : `The next try is at ${time}.`} Until then AI tools that go through Outpost fail.`,
    downTitle: 'Outpost is not running',
    downText: 'AI tools that go through Outpost fail until it runs.',
    gaveUpTitle: 'Outpost cannot be kept running',
    gaveUpText:
      'It was started several times in vain, so for now it is not started by itself any more. AI tools that go through Outpost fail until it runs. The checks say what is wrong.',
    incompatibleTitle: 'Tray and Outpost do not fit together',
    incompatibleText:
      'They are of versions that do not understand each other, as happens for a moment during an update. If it stays, ask IT to install both anew. Outpost itself goes on as before.',
    reason: (reason: string) => `It last ended with ${reason}.`,
    start: 'Start Outpost',
    startNow: 'Start now',
    started: 'Outpost is being started.',
    notStarted: 'Outpost could not be started.',
    diagnostics: 'Run the checks',
    signedOutTitle: 'You are signed out',
    signedOutText: 'Run `outpost ui` in a terminal and open the address that it prints.',
    outdatedTitle: 'Outpost has been updated',
    outdatedText: 'This page is from another version. Load it again to go on.',
    outdatedWindow: 'This window is from another version. Close it and open it again to go on.',
    reload: 'Load again',
    back: 'Outpost is answering again.',
  },
  copyShort: 'Copy',
  copy: (text: string) => `Copy “${text}”`,
  copied: 'Copied',
  notCopied: 'Copying was not allowed; select the text instead.',
  outside: '(opens in the browser)',
  notOpened: 'This address could not be opened.',
  status: {
    ok: 'Outpost works as it should',
    notes: (count: number) => plural(count, 'One note', `${count} notes`),
    attention: (count: number) => plural(count, 'One thing needs attention', `${count} things need attention`),
    blocked: 'AI tools may not work',
    offline: 'Outpost is not answering',
    starting: 'Outpost is starting…',
    connecting: 'Connecting to Outpost…',
    since: (time: string, version: string) => `Running since ${time}, version ${version}`,
  },
};
