// SPDX-License-Identifier: Apache-2.0
// States of what is asked for: nothing there, very much, on its way, refused; calls of each kind; the checks.

import {
  CHECKS,
  callAt,
  callsOf,
  callsPageOf,
  detailAt,
  manyCalls,
  organisationAt,
  PROVIDERS,
  recordedAt,
  stateAt,
  usageAt,
} from './data.ts';
import { answersAt, type GalleryState, LONG, never, refuse, WINDOW } from './state.ts';

const DATA = ['#/usage', '#/activity', '#/activity/req-fallback', '#/recorded'];

export function answerStates(now: number): readonly GalleryState[] {
  const link = { kind: 'live' } as const;
  const state = stateAt(now);
  const fine = answersAt(now);
  const empty = stateAt(now, { activity: [], providers: [], hosts: { govern: 0, header: 0, tunnel: 0, block: 0 } });
  const { path: _, ...builtIn } = empty.policy;
  const longCalls = callsOf(now).map((call) => ({ ...call, app: LONG, provider: LONG, model: LONG, sent_model: LONG }));
  const usage = usageAt(now);
  return [
    {
      name: 'empty',
      label: 'Nothing yet',
      at: ['#/', '#/usage', '#/activity', '#/activity/none', '#/recorded'],
      link,
      state: {
        ...empty,
        policy: builtIn,
        counters: { ...empty.counters, governed: 0, blocked: 0, tunnelled: 0, relayed: 0 },
      },
      answers: {
        ...fine,
        usage: async () => usageAt(now, 0),
        calls: async () => ({ calls: [] }),
        call: async () => undefined,
        recorded: async () => recordedAt(now, { newest: [], rows: 0, bytes: 0 }),
      },
    },
    {
      name: 'full',
      label: '200 calls',
      at: ['#/activity'],
      link,
      state: stateAt(now, { activity: [...manyCalls(now)] }),
      answers: { ...fine, calls: async () => callsPageOf(now) },
    },
    { name: 'blocked', label: 'A blocked call', at: ['#/activity/req-blocked'], link, state, answers: fine },
    {
      name: 'running',
      label: 'A call under way',
      at: ['#/activity/req-running'],
      link,
      state,
      answers: {
        ...fine,
        call: async () => {
          // What it took is not known yet.
          const { cost_usd: _, fallback_from: __, rows, ...detail } = detailAt(now);
          return {
            ...detail,
            call: callsOf(now)[0] ?? callAt(now, 1),
            attempts: [{ attempt: 1, provider: 'anthropic', model: 'claude-opus-4-1', result: 'running' }],
            rows: rows.slice(0, 1),
          };
        },
      },
    },
    {
      name: 'organisation-records',
      label: 'Recorded for an organisation',
      at: ['#/recorded', '#/about'],
      link,
      state: stateAt(now, { organisation: organisationAt(now) }),
      answers: {
        ...fine,
        about: { ...WINDOW, host: 'child' },
        recorded: async () =>
          recordedAt(now, {
            leaves_device: true,
            readers: ['you', 'local-admins', 'organisation'],
            organisation: 'acme',
            readable_by: 'You, administrators of this machine, and acme.',
          }),
      },
    },
    {
      name: 'long',
      label: 'Very long names',
      at: ['#/', '#/usage', '#/activity', '#/activity/req-fallback'],
      link,
      state: stateAt(now, {
        activity: longCalls,
        providers: [{ ...PROVIDERS.openai, name: LONG, base_url: `https://${LONG}.example/v1` }],
        fallbacks: [{ instead_of: LONG, using: LONG, model: LONG, why: 'hang' }],
        policy: { ...state.policy, path: `/srv/${LONG}/${LONG}/outpost.yaml` },
        support: { url: `https://help.example/${LONG}`, label: LONG },
        organisation: organisationAt(now, { org: LONG, user: `${LONG}@acme.example` }),
      }),
      answers: {
        ...fine,
        calls: async () => ({ calls: longCalls }),
        call: async () => detailAt(now, { call: { ...callAt(now, 3), app: LONG, model: LONG, provider: LONG } }),
        usage: async () => ({
          ...usage,
          models: usage.models.map((each, at) => ({ ...each, name: `${LONG}-${at}` })),
          apps: usage.apps.map((each, at) => ({ ...each, name: `${LONG}-${at}` })),
        }),
      },
    },
    {
      name: 'loading',
      label: 'On its way',
      at: DATA,
      link,
      state,
      answers: { ...fine, usage: never, calls: never, call: never, recorded: never },
    },
    {
      name: 'failing',
      label: 'It does not answer',
      at: DATA,
      link,
      state,
      answers: { ...fine, usage: refuse, calls: refuse, call: refuse, recorded: refuse },
    },
    {
      name: 'checks-running',
      label: 'Checks under way',
      at: ['#/diagnostics'],
      link,
      state,
      checks: true,
      answers: {
        ...fine,
        doctor(each) {
          for (const check of CHECKS.slice(0, 3)) each(check);
          return never();
        },
      },
    },
    { name: 'checks-done', label: 'Checks done', at: ['#/diagnostics'], link, state, checks: true, answers: fine },
    {
      name: 'checks-failed',
      label: 'Checks broke off',
      at: ['#/diagnostics'],
      link,
      state,
      checks: true,
      answers: { ...fine, doctor: refuse },
    },
  ];
}
