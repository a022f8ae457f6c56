// SPDX-License-Identifier: Apache-2.0
// What the gallery's invented agent has to tell: a plausible state, calls, usage, one call, stored rows, checks. Pure data around `now`.

import type {
  ActivityItem,
  AgentState,
  DoctorCheck,
  DoctorReport,
  OrganisationState,
  ProviderItem,
  RecordedView,
} from '../../src/contract/local-api.ts';
import { ACTIVITY_LIMIT, CALLS_LIMIT, USAGE_DAYS } from '../../src/contract/local-api-constants.ts';
import type { CallDetail, CallsPage, UsageReport } from '../../src/contract/local-history.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const APPS = ['Code editor', 'Terminal agent', 'Notebook', 'Meeting notes', 'Script'] as const;
const MODELS = [
  ['openai-primary', 'gpt-4o'],
  ['anthropic', 'claude-sonnet-4-5'],
  ['anthropic', 'claude-opus-4-1'],
  ['openai-primary', 'gpt-4o-mini'],
  ['gemini', 'gemini-2.5-pro'],
] as const;

/** The `number`th call before now. */
export function callAt(now: number, number: number, part: Partial<ActivityItem> = {}): ActivityItem {
  const [provider, model] = MODELS[number % MODELS.length] ?? MODELS[0];
  return {
    id: `req-${number}`,
    at: now - number * 97_000 - 4_000,
    app: APPS[(number * 3) % APPS.length] ?? APPS[0],
    provider,
    model,
    decision: 'allowed',
    result: 'complete',
    input_tokens: 900 + ((number * 733) % 5_200),
    output_tokens: 120 + ((number * 411) % 1_700),
    first_content_ms: 380 + ((number * 97) % 900),
    total_ms: 1_900 + ((number * 577) % 14_000),
    ...part,
  };
}

export function callsOf(now: number): readonly ActivityItem[] {
  return [
    {
      id: 'req-running',
      at: now - 2_000,
      app: 'Terminal agent',
      provider: 'anthropic',
      model: 'claude-opus-4-1',
      decision: 'allowed',
      result: 'running',
    },
    callAt(now, 1, { tokens_estimated: true }),
    {
      id: 'req-blocked',
      at: now - 3 * MINUTE,
      app: 'Script',
      provider: 'api.openai.com',
      model: 'gpt-3.5-turbo',
      decision: 'blocked',
      result: 'refused',
      error: 'OUT_BLOCKED_MODEL',
    },
    fallbackCallAt(now),
    callAt(now, 4, { result: 'failed', error: 'rate-limit', output_tokens: 0 }),
    callAt(now, 5, { result: 'cancelled' }),
    callAt(now, 6, { result: 'broken', error: 'OUT_UPSTREAM_BROKEN' }),
    ...Array.from({ length: 9 }, (_, at) => callAt(now, at + 7)),
  ];
}

/** The third one fell back. */
const loggedAt = (now: number, number: number) => (number === 3 ? fallbackCallAt(now) : callAt(now, number));

export const manyCalls = (now: number): readonly ActivityItem[] =>
  Array.from({ length: ACTIVITY_LIMIT }, (_, at) => loggedAt(now, at + 1));

/** A page of the whole log, with older ones behind it. */
export function callsPageOf(now: number, length: number = CALLS_LIMIT): CallsPage {
  return { calls: Array.from({ length }, (_, at) => loggedAt(now, at + 1)), next: '1a.7c' };
}

const provider = (name: string, type: string, base_url: string, part: Partial<ProviderItem> = {}): ProviderItem => ({
  name,
  type,
  base_url,
  credential: 'configured',
  health: { state: 'healthy', first_content_ms: 640, out: [] },
  ...part,
});

export const PROVIDERS = {
  openai: provider('openai-primary', 'openai', 'https://api.openai.com/v1'),
  anthropic: provider('anthropic', 'anthropic', 'https://api.anthropic.com', { credential: 'caller' }),
  gemini: provider('gemini', 'gemini', 'https://generativelanguage.googleapis.com', {
    health: { state: 'unknown', out: [] },
  }),
} as const;

export function stateAt(now: number, part: Partial<AgentState> = {}): AgentState {
  return {
    version: '0.1.0',
    pid: 4_711,
    started_at: now - 5 * HOUR,
    uptime_ms: 5 * HOUR,
    urls: {
      proxy: 'http://127.0.0.1:8140',
      gateway: 'http://127.0.0.1:8141',
      api: 'http://127.0.0.1:8142',
      pac: 'http://127.0.0.1:8142/proxy.pac',
    },
    policy: {
      state: 'active',
      sha256: `${'c0ffee'.repeat(10)}beef`,
      since: now - 5 * HOUR,
      path: '/etc/outpost.yaml',
      errors: [],
    },
    audit: {
      state: 'healthy',
      level: 'standard',
      epoch: '0123456789abcdef',
      watermark: 12_846,
      pending: 0,
      bytes: 34_000_000,
      cap_bytes: 512 * 2 ** 20,
      dropped: 0,
    },
    health: [],
    counters: { tunnelled: 5_120, relayed: 61, governed: 642, blocked: 3, failed: 4, cancelled: 12 },
    api_refusals: 0,
    activity: [...callsOf(now)],
    providers: [PROVIDERS.openai, PROVIDERS.anthropic, PROVIDERS.gemini],
    fallbacks: [],
    support: { url: 'https://help.acme.example/outpost', label: 'Acme Service Desk' },
    offline: false,
    hosts: { govern: 96, header: 4, tunnel: 12, block: 2 },
    ...part,
  };
}

export function organisationAt(now: number, part: Partial<OrganisationState> = {}): OrganisationState {
  return {
    org: 'acme',
    url: 'https://outpost.acme.example',
    device: '4f9c1c0e7a',
    phase: 'fresh',
    ring: 'broad',
    connected: true,
    version: 14,
    since: now - 2 * DAY,
    orders: [],
    last_contact: now - 2 * MINUTE,
    next_poll: now + 3 * MINUTE,
    user: 'jo@acme.example',
    upload: { state: 'idle', rows: 0, quarantined: 0, last_success: now - MINUTE },
    ...part,
  };
}

/** YYYY-MM-DD, local time. */
function dateOf(at: number): string {
  const date = new Date(at);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((one) => String(one).padStart(2, '0')).join('-');
}

export function usageAt(now: number, factor = 1): UsageReport {
  const of = (calls: number, share: number) => ({
    calls: Math.round(calls * share * factor),
    blocked: Math.round(2 * share * factor),
    input_tokens: Math.round(calls * share * 2_900 * factor),
    output_tokens: Math.round(calls * share * 640 * factor),
    cost_usd: Math.round(calls * share * 184 * factor) / 10_000,
    unpriced: Math.round(3 * share * factor),
    uncounted: Math.round(4 * share * factor),
  });
  const shares = [0.7, 1.1, 0.9, 0.1, 0.05, 1.4, 0.6];
  const sum = shares.reduce((all, one) => all + one, 0);
  return {
    at: now,
    days: Array.from({ length: USAGE_DAYS }, (_, at) => ({
      date: dateOf(now - (USAGE_DAYS - 1 - at) * DAY),
      ...of(130, shares[at] ?? 0),
    })),
    models: factor === 0 ? [] : MODELS.map(([, name], at) => ({ name, ...of(130, sum / 2 ** (at + 1)) })),
    apps: factor === 0 ? [] : [...APPS, ''].map((name, at) => ({ name, ...of(130, sum / 2 ** (at + 1)) })),
    total: of(130, sum),
    ...(factor === 0 ? {} : { since: now - 20 * DAY }),
  };
}

const rowOf = (now: number, seq: number, body: object, at = now - (12_846 - seq) * 9_000): string =>
  JSON.stringify({
    v: 1,
    epoch: '0123456789abcdef',
    seq,
    at,
    prev: 'a1'.repeat(32),
    body,
    hash: 'b2'.repeat(32),
  });

/** A call that one provider failed and another answered: all numbers as in its attempts. */
function fallbackCallAt(now: number): ActivityItem {
  return callAt(now, 3, {
    id: 'req-fallback',
    app: 'Code editor',
    provider: 'anthropic',
    model: 'gpt-4o',
    sent_model: 'claude-sonnet-4-5',
    input_tokens: 3_120,
    output_tokens: 812,
    first_content_ms: 1_810,
    total_ms: 6_800,
  });
}

/** In full. */
export function detailAt(now: number, part: Partial<CallDetail> = {}): CallDetail {
  const call = fallbackCallAt(now);
  return {
    call,
    decision: {
      id: 'dec-8f2c',
      reason: 'No rule forbids it.',
      policy: `${'c0ffee'.repeat(10)}beef`,
      entrance: 'intercept',
      protocol: 'h2',
      host: 'api.openai.com',
      method: 'POST',
      path: '/v1/chat/completions',
      dialect: 'openai-chat',
      understood: true,
      stream: true,
      process: { name: 'editor', exe: '/usr/share/editor/editor', pid: 5_120 },
    },
    attempts: [
      {
        attempt: 1,
        provider: 'openai-primary',
        model: 'gpt-4o',
        dialect: 'openai-chat',
        key: 'team-key',
        result: 'failed',
        failure: 'overload',
        error: 'OUT_UPSTREAM_OVERLOADED',
        status: 529,
        possibly_billed: false,
        total_ms: 1_200,
      },
      {
        attempt: 2,
        provider: 'anthropic',
        model: 'claude-sonnet-4-5',
        dialect: 'anthropic',
        result: 'complete',
        status: 200,
        losses: ['logprobs', 'seed'],
        input_tokens: 3_120,
        output_tokens: 812,
        first_content_ms: 610,
        total_ms: 5_600,
      },
    ],
    fallback_from: 'openai-primary',
    cost_usd: 0.0215,
    rows: [
      rowOf(now, 12_840, { kind: 'intent', request: 'req-fallback', app: 'Code editor', model: 'gpt-4o' }, call.at),
      rowOf(
        now,
        12_842,
        { kind: 'outcome', request: 'req-fallback', result: 'complete', provider: 'anthropic' },
        call.at + 6_800,
      ),
    ],
    ...part,
  };
}

export function blockedDetailAt(now: number): CallDetail {
  const { policy: _, ...decision } = detailAt(now).decision;
  const call = callsOf(now)[2] ?? callAt(now, 2);
  return {
    call,
    decision: {
      ...decision,
      reason: 'The model gpt-3.5-turbo is not allowed by your organisation’s rules.',
      rule: 'models.deny[0]',
      process: { name: 'python3', exe: '/usr/bin/python3', pid: 6_204 },
    },
    attempts: [],
    rows: [rowOf(now, 12_838, { kind: 'refusal', request: 'req-blocked', error: 'OUT_BLOCKED_MODEL' }, call.at)],
  };
}

export function recordedAt(now: number, part: Partial<RecordedView> = {}): RecordedView {
  return {
    content: 'metadata',
    level: 'standard',
    fields: [
      { name: 'at', meaning: 'When it happened, by this machine’s clock.', kinds: [] },
      { name: 'app', meaning: 'The app that made the call.', kinds: ['intent', 'refusal'] },
      { name: 'model', meaning: 'The model that the app asked for.', kinds: ['intent', 'refusal'] },
      { name: 'output_tokens', meaning: 'Size of the answer, in tokens.', kinds: ['outcome'] },
    ],
    where: '/home/jo/.local/state/outpost/audit',
    leaves_device: false,
    readable_by: 'You (the files are open to your account only), and administrators of this machine.',
    readers: ['you', 'local-admins'],
    rows: 12_846,
    bytes: 34_000_000,
    cap_bytes: 512 * 2 ** 20,
    retention_days: 90,
    oldest_at: now - 20 * DAY,
    newest: [
      rowOf(now, 12_846, {
        kind: 'outcome',
        request: 'req-1',
        result: 'complete',
        provider: 'anthropic',
        input_tokens: 1_203,
      }),
      rowOf(now, 12_845, { kind: 'intent', request: 'req-1', app: 'Terminal agent', model: 'claude-opus-4-1' }),
      rowOf(now, 12_844, { kind: 'refusal', request: 'req-blocked', code: 'OUT_BLOCKED_MODEL' }),
      rowOf(now, 12_843, { kind: 'event', event: 'started' }),
      'no row at all',
    ],
    ...part,
  };
}

export const CHECKS: readonly DoctorCheck[] = [
  { name: 'ports', status: 'ok', summary: 'Proxy, gateway and local API answer.', duration_ms: 4 },
  { name: 'log', status: 'ok', summary: 'The newest 1,000 rows of the audit log are unbroken.', duration_ms: 31 },
  { name: 'disk', status: 'warn', summary: '1.9 GB are free.', fix: 'Free disk space.', duration_ms: 1 },
  { name: 'clock', status: 'unknown', summary: 'There is nothing to compare the clock with.', duration_ms: 1 },
  {
    name: 'ca-trust',
    status: 'fail',
    summary: 'The operating system does not trust the certificate.',
    fix: 'Run `outpost ca install`.',
    duration_ms: 80,
  },
];

export const reportAt = (now: number): DoctorReport => ({ ok: false, at: now, checks: [...CHECKS] });
