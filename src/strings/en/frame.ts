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
    connecting: 'Connecting…',
    live: 'Live',
    lost: 'Not answering',
    signedOut: 'Signed out',
    outdated: 'New version',
    lostTitle: 'Outpost is not answering',
    lostText: (time: string) =>
      `No answer since ${time}. This page tries again by itself; what you see below is from before. In a terminal, \`outpost doctor\` says what is wrong.`,
    retry: 'Try now',
    signedOutTitle: 'You are signed out',
    signedOutText: 'Run `outpost ui` in a terminal and open the address that it prints.',
    outdatedTitle: 'Outpost has been updated',
    outdatedText: 'This page is from another version. Load it again to go on.',
    reload: 'Load again',
    back: 'Outpost is answering again.',
  },
  status: {
    ok: 'Outpost works as it should',
    notes: (count: number) => plural(count, 'One note', `${count} notes`),
    attention: (count: number) => plural(count, 'One thing needs attention', `${count} things need attention`),
    blocked: 'AI tools may not work',
    offline: 'Outpost is not answering',
    connecting: 'Connecting to Outpost…',
    since: (time: string, version: string) => `Running since ${time}, version ${version}`,
  },
};
