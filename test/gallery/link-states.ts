// SPDX-License-Identifier: Apache-2.0
// States in which the daemon does not answer, or not yet, or not to this page.

import type { FakeAnswers } from '../../src/client/fake.ts';
import type { HostState, Link } from '../../src/contract/tray.ts';
import { stateAt } from './data.ts';
import { ADDRESSES, answersAt, type GalleryState, inBrowser, MINUTE, OVERVIEW, refuse } from './state.ts';

function lost(now: number, host?: Partial<HostState>): Link {
  const since = now - 3 * MINUTE;
  return host === undefined
    ? { kind: 'lost', since }
    : { kind: 'lost', since, host: { host: 'service', phase: 'down', ...host } };
}

export function linkStates(now: number): readonly GalleryState[] {
  const state = stateAt(now);
  const answers: FakeAnswers = {
    ...answersAt(now),
    recorded: refuse,
    usage: refuse,
    calls: refuse,
    call: refuse,
    // The window's own checks work without the daemon.
  };
  const phase = (name: HostState['phase'], part: Partial<HostState> = {}): GalleryState => ({
    name: `down-${name}`,
    label: `Daemon: ${name}`,
    at: name === 'gave-up' ? ADDRESSES : OVERVIEW,
    link: lost(now, { phase: name, ...part }),
    state,
    answers,
  });
  const reason = 'exit code 134';
  return [
    { name: 'connecting', label: 'Connecting', at: ADDRESSES, link: { kind: 'connecting' }, answers },
    phase('looking'),
    phase('starting'),
    phase('waiting', { next_try: now + MINUTE, reason }),
    phase('down'),
    phase('gave-up', { reason }),
    phase('incompatible'),
    { name: 'never-up', label: 'Daemon: never up', at: ADDRESSES, link: lost(now, { phase: 'down' }), answers },
    {
      name: 'browser-down',
      label: 'Browser: no answer',
      at: ['#/', '#/diagnostics', '#/about'],
      link: lost(now),
      state,
      answers: inBrowser(answers),
    },
    {
      name: 'signed-out',
      label: 'Browser: signed out',
      at: OVERVIEW,
      link: { kind: 'signed-out' },
      state,
      answers: inBrowser(answers),
    },
    { name: 'outdated-window', label: 'Window: another version', at: OVERVIEW, link: { kind: 'outdated' }, answers },
    {
      name: 'outdated',
      label: 'Another version',
      at: OVERVIEW,
      link: { kind: 'outdated' },
      answers: inBrowser(answers),
    },
  ];
}
