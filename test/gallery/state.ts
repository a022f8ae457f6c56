// SPDX-License-Identifier: Apache-2.0
// What a state of the gallery is, and the answers that most of them share.

import type { FakeAnswers } from '../../src/client/fake.ts';
import type { AgentState, DoctorReport } from '../../src/contract/local-api.ts';
import { type About, ACTIONS, type Link } from '../../src/contract/tray.ts';
import { blockedDetailAt, CHECKS, callsPageOf, detailAt, recordedAt, reportAt, usageAt } from './data.ts';

export interface GalleryState {
  readonly name: string;
  readonly label: string;
  /** The addresses at which it shows something of its own. */
  readonly at: readonly string[];
  readonly link: Link;
  /** Absent: none has come yet. */
  readonly state?: AgentState;
  readonly answers: FakeAnswers;
  /** The checks are started as it is shown. */
  readonly checks?: true;
}

export const ADDRESSES = [
  '#/',
  '#/usage',
  '#/activity',
  '#/activity/req-fallback',
  '#/recorded',
  '#/diagnostics',
  '#/about',
];
export const OVERVIEW = ['#/'];
export const MINUTE = 60_000;

export const never = () => new Promise<never>(() => undefined);
export const refuse = () => Promise.reject(new Error('no answer'));

export const WINDOW: About = {
  tray_version: '0.1.0',
  runtime: [
    { name: 'Electron', version: '45.4.1' },
    { name: 'Chromium', version: '156.0.8078.100' },
    { name: 'Node.js', version: '24.21.0' },
  ],
  host: 'service',
  settable: ['language', 'theme', 'notifications', 'open_at_login'],
};

export const LONG =
  'the-very-long-name-of-an-internal-service-that-nobody-thought-would-ever-be-shown-in-a-window-of-this-width';

async function doctorAt(now: number, each: (check: DoctorReport['checks'][number]) => void): Promise<DoctorReport> {
  for (const check of CHECKS) each(check);
  return reportAt(now);
}

/** In the tray's window, with everything in order. */
export function answersAt(now: number): FakeAnswers {
  const details = [detailAt(now), blockedDetailAt(now)];
  return {
    actions: ACTIONS,
    about: WINDOW,
    recorded: async () => recordedAt(now),
    usage: async () => usageAt(now),
    calls: async () => callsPageOf(now, 20),
    call: async (id) => details.find(({ call }) => call.id === id),
    doctor: (each) => doctorAt(now, each),
    save: async () => ({ kind: 'saved', path: '/home/jo/Downloads/outpost-support.zip' }),
  };
}

export function inBrowser(answers: FakeAnswers): FakeAnswers {
  return { ...answers, actions: [], about: { runtime: [], settable: ['language', 'theme'] } };
}
