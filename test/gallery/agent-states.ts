// SPDX-License-Identifier: Apache-2.0
// States in which the agent answers and has something to tell on the overview.

import type { AgentState, ProviderItem } from '../../src/contract/local-api.ts';
import { DAY, organisationAt, PROVIDERS, stateAt } from './data.ts';
import { ADDRESSES, answersAt, type GalleryState, inBrowser, MINUTE, OVERVIEW } from './state.ts';
import { everyWarningAt, warningAt } from './warnings.ts';

function troubledProviders(now: number): readonly ProviderItem[] {
  const open = { state: 'open', since: now - 4 * MINUTE, next_try: now + MINUTE } as const;
  return [
    {
      ...PROVIDERS.openai,
      health: {
        state: 'down',
        why: 'overload',
        since: now - 4 * MINUTE,
        next_try: now + MINUTE,
        out: [{ scope: 'endpoint', ...open, why: 'overload' }],
        hint: { level: 'major', text: 'Elevated error rates', at: now - MINUTE, url: 'https://status.openai.com' },
      },
    },
    {
      ...PROVIDERS.anthropic,
      health: {
        state: 'degraded',
        first_content_ms: 1_340,
        out: [
          { scope: 'model', name: 'claude-opus-4-1', ...open, why: 'model-missing' },
          { scope: 'key', name: 'team-key', state: 'half-open', since: now - MINUTE, why: 'credential' },
          ...['a', 'b', 'c', 'd', 'e'].map(
            (name) => ({ scope: 'key', name: `spare-${name}`, state: 'ramping', since: now - MINUTE }) as const,
          ),
        ],
      },
    },
    {
      ...PROVIDERS.gemini,
      health: {
        state: 'down',
        why: 'rate-limit',
        since: now - 2 * MINUTE,
        next_try: now + MINUTE,
        out: [{ scope: 'endpoint', ...open, why: 'rate-limit' }],
      },
    },
  ];
}

export function agentStates(now: number): readonly GalleryState[] {
  const base = { link: { kind: 'live' } as const, answers: answersAt(now) };
  const overview = (name: string, label: string, part: Partial<AgentState>): GalleryState => ({
    ...base,
    name,
    label,
    at: OVERVIEW,
    state: stateAt(now, part),
  });
  const fallbacks = [
    { route: 'chat', model: 'gpt-4o', instead_of: 'openai-primary', using: 'anthropic', why: 'overload' } as const,
    { model: 'text-embedding-3-small', instead_of: 'openai-primary', why: 'overload' } as const,
    { instead_of: 'gemini', using: 'anthropic' },
  ];
  const organisation = (name: string, part: Parameters<typeof organisationAt>[1], health: AgentState['health'] = []) =>
    overview(`organisation-${name}`, `Organisation: ${name}`, { organisation: organisationAt(now, part), health });
  const order = { id: 'o1', reason: 'leak at a provider, ticket 4711', until: now + DAY } as const;
  const { support: _, ...unsupported } = stateAt(now, { health: [...everyWarningAt(now)] });
  return [
    { ...base, name: 'fine', label: 'Everything in order', at: ADDRESSES, state: stateAt(now) },
    overview('note', 'One note', { health: [warningAt(now, 'daemon-restarted')] }),
    overview('attention', 'Something important', { health: [warningAt(now, 'ca-not-trusted')] }),
    overview('serious', 'Something serious', { health: [warningAt(now, 'audit-down'), warningAt(now, 'disk-low')] }),
    overview('every-warning', 'Every warning there is', { health: [...everyWarningAt(now)] }),
    {
      ...base,
      name: 'browser-warnings',
      label: 'Every warning, in a browser, without help',
      at: OVERVIEW,
      state: unsupported,
      answers: inBrowser(base.answers),
    },
    overview('fallback', 'A provider is out, another answers', {
      providers: [...troubledProviders(now)],
      fallbacks,
      health: [{ ...warningAt(now, 'providers-out'), since: now - 4 * MINUTE }],
    }),
    overview('offline', 'This computer is offline', { offline: true, health: [warningAt(now, 'offline')] }),
    overview('rejected', 'A configuration with mistakes, a full log', {
      policy: {
        ...stateAt(now).policy,
        state: 'rejected',
        errors: [
          { message: 'unknown key "acton"', line: 12, column: 3, at: '/hosts/1' },
          { message: 'must be a list', line: 0, column: 0, at: '/models/deny' },
        ],
      },
      audit: { ...stateAt(now).audit, state: 'full', reason: 'ENOSPC' },
      health: [warningAt(now, 'config-rejected'), warningAt(now, 'audit-full')],
    }),
    organisation('fresh', {}),
    organisation('waiting', { phase: 'waiting', connected: false }, [warningAt(now, 'policy-waiting')]),
    organisation(
      'stale',
      { phase: 'stale', connected: false, upload: { state: 'waiting', rows: 412, quarantined: 0 } },
      [warningAt(now, 'policy-stale')],
    ),
    organisation('expired', { phase: 'expired', override_until: now + DAY / 24 }, [warningAt(now, 'policy-expired')]),
    organisation('revoked', { phase: 'revoked', upload: { state: 'refused', rows: 1, quarantined: 0 } }, [
      warningAt(now, 'device-revoked'),
    ]),
    organisation('orders', {
      orders: [
        { ...order, level: 'block-provider' },
        { ...order, id: 'o2', level: 'bypass', reason: 'tests of the help desk' },
      ],
    }),
    overview('not-enrolled', 'Organisation: not enrolled', {
      organisation: withoutDevice(now),
      health: [warningAt(now, 'not-enrolled')],
    }),
  ];
}

function withoutDevice(now: number): ReturnType<typeof organisationAt> {
  const { device: _, version: __, last_contact: ___, user: ____, ...rest } = organisationAt(now, { phase: 'waiting' });
  return rest;
}
