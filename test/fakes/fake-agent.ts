// SPDX-License-Identifier: Apache-2.0
// An agent that does nothing but say so: stands behind the local API in tests and while the page is developed. Everything in it
// is invented.

import type {
  ActivityItem,
  AgentState,
  DoctorReport,
  EnvReport,
  HealthItem,
  RecordedView,
  RouteReport,
} from '../../src/contract/local-api.ts';
import type { CallDetail, UsageReport, UsageTotals } from '../../src/contract/local-history.ts';
import type { AgentView } from '../../src/proxy/local-api/agent-view.ts';

export interface FakeAgent extends AgentView {
  /** Replaces parts of the state and tells the listeners. */
  change(part: Partial<AgentState>): void;
  /** Adds the newest call. */
  call(item: ActivityItem): void;
  /** Listeners now. */
  readonly listeners: number;
}

const START = Date.UTC(2030, 4, 6, 9, 0);

export const FAKE_WARNING: HealthItem = {
  code: 'ca-not-trusted',
  title: 'This machine does not trust Outpost’s certificate',
  text: 'Apps that use the operating system’s certificate store refuse their AI connections while these go through Outpost.',
  fix: 'Run `outpost ca install`, or ask IT to roll the certificate out.',
  severity: 'medium',
  impacts_connectivity: true,
  since: START,
  args: {},
  action: 'copy-command',
};

/** A plausible call; `part` overrides. */
export function fakeCall(number: number, part: Partial<ActivityItem> = {}): ActivityItem {
  return {
    id: `req-${number}`,
    at: START + number * 7_000,
    app: 'Code editor',
    provider: 'openai-primary',
    model: 'gpt-4o',
    decision: 'allowed',
    result: 'complete',
    input_tokens: 1_200 + number,
    output_tokens: 340,
    first_content_ms: 410,
    total_ms: 2_150,
    ...part,
  };
}

function fakeState(): AgentState {
  return {
    version: '0.1.0',
    pid: 4_711,
    started_at: START,
    uptime_ms: 60_000,
    urls: {
      proxy: 'http://127.0.0.1:8140',
      gateway: 'http://127.0.0.1:8141',
      api: 'http://127.0.0.1:8142',
      pac: 'http://127.0.0.1:8142/proxy.pac',
    },
    policy: {
      state: 'active',
      sha256: `${'c0ffee'.repeat(10)}beef`,
      since: START,
      path: '/etc/outpost.yaml',
      errors: [],
    },
    audit: {
      state: 'healthy',
      level: 'standard',
      epoch: '0123456789abcdef',
      watermark: 1_284,
      pending: 0,
      bytes: 3_400_000,
      cap_bytes: 512 * 2 ** 20,
      dropped: 0,
    },
    health: [],
    counters: { tunnelled: 5_120, relayed: 61, governed: 642, blocked: 3, failed: 4, cancelled: 12 },
    api_refusals: 0,
    activity: [
      fakeCall(3, { app: 'Terminal agent', provider: 'anthropic', model: 'claude-3-opus', total_ms: 8_400 }),
      {
        id: 'req-2',
        at: START + 14_000,
        app: 'Script',
        provider: 'api.openai.com',
        model: 'gpt-3.5-turbo',
        decision: 'blocked',
        result: 'refused',
        error: 'OUT_BLOCKED_MODEL',
      },
      fakeCall(1),
    ],
    providers: [
      {
        name: 'openai-primary',
        type: 'openai',
        base_url: 'https://api.openai.com/v1',
        credential: 'configured',
        health: {
          state: 'down',
          why: 'transient',
          since: START + 9_000,
          next_try: START + 24_000,
          out: [{ scope: 'endpoint', state: 'open', why: 'transient', since: START + 9_000, next_try: START + 24_000 }],
          hint: {
            level: 'minor',
            text: 'Elevated error rates',
            at: START,
            url: 'https://status.openai.com',
          },
        },
      },
      {
        name: 'anthropic',
        type: 'anthropic',
        base_url: 'https://api.anthropic.com',
        credential: 'caller',
        health: { state: 'healthy', first_content_ms: 640, out: [] },
      },
    ],
    fallbacks: [],
    offline: false,
    hosts: { govern: 96, header: 4, tunnel: 12, block: 2 },
  };
}

const ROW = {
  v: 1,
  epoch: '0123456789abcdef',
  seq: 1_284,
  at: START,
  prev: 'a1'.repeat(32),
  body: { kind: 'outcome', request: 'req-3', result: 'complete', provider: 'anthropic', input_tokens: 1_203 },
  hash: 'b2'.repeat(32),
};

function fakeRecorded(): RecordedView {
  return {
    content: 'metadata',
    level: 'standard',
    fields: [
      { name: 'at', meaning: 'When it happened, by this machine’s clock.', kinds: [] },
      { name: 'app', meaning: 'The app that made the call.', kinds: ['intent', 'refusal'] },
      { name: 'model', meaning: 'The model that the app asked for.', kinds: ['intent', 'refusal'] },
      { name: 'output_tokens', meaning: 'Size of the answer, in tokens.', kinds: ['outcome'] },
    ],
    where: '/home/someone/.local/state/outpost/audit',
    leaves_device: false,
    readable_by: 'You (the files are open to your account only), and administrators of this machine.',
    readers: ['you', 'local-admins'],
    rows: 1_284,
    bytes: 3_400_000,
    cap_bytes: 512 * 2 ** 20,
    retention_days: 90,
    oldest_at: START - 86_400_000 * 20,
    newest: [JSON.stringify(ROW), JSON.stringify({ ...ROW, seq: 1_283, body: { kind: 'event', event: 'started' } })],
  };
}

function fakeUsage(): UsageReport {
  const totals = (calls: number, blocked = 0): UsageTotals => ({
    calls,
    blocked,
    input_tokens: calls * 1_200,
    output_tokens: calls * 340,
    cost_usd: calls / 100,
    unpriced: 0,
    uncounted: 0,
  });
  const dateOf = (daysAgo: number): string => new Date(START - daysAgo * 86_400_000).toISOString().slice(0, 10);
  return {
    at: START,
    days: [0, 12, 41, 7, 0, 3, 2].map((calls, index) => ({ date: dateOf(6 - index), ...totals(calls) })),
    models: [{ name: 'gpt-4o', ...totals(65, 1) }],
    apps: [{ name: 'Code editor', ...totals(65, 1) }],
    total: totals(65, 1),
    since: START - 86_400_000 * 20,
  };
}

function fakeDetail(call: ActivityItem): CallDetail {
  const blocked = call.decision === 'blocked';
  return {
    call,
    decision: {
      id: `dec-${call.id}`,
      reason: blocked ? 'Your organisation does not allow this model.' : 'No rule forbids it.',
      ...(blocked ? { rule: 'models.deny[0]' } : {}),
    },
    attempts: blocked ? [] : [{ attempt: 1, provider: call.provider ?? '', result: 'complete', total_ms: 2_150 }],
    rows: [JSON.stringify({ ...ROW, body: { ...ROW.body, request: call.id } })],
  };
}

const REPORT: DoctorReport = {
  ok: false,
  at: START,
  checks: [
    { name: 'ports', status: 'ok', summary: 'Proxy, gateway and local API answer.', duration_ms: 4 },
    { name: 'clock', status: 'unknown', summary: 'There is nothing to compare the clock with.', duration_ms: 1 },
    {
      name: 'ca-trust',
      status: 'fail',
      summary: 'The operating system does not trust the certificate.',
      fix: 'Run `outpost ca install`.',
      duration_ms: 80,
    },
  ],
};

export function createFakeAgent(): FakeAgent {
  let state = fakeState();
  const listeners = new Set<() => void>();
  const change = (part: Partial<AgentState>): void => {
    state = { ...state, ...part };
    for (const listener of [...listeners]) listener();
  };
  return {
    get listeners() {
      return listeners.size;
    },
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    recorded: async () => fakeRecorded(),
    usage: async () => fakeUsage(),
    // Its calls are one page; a page before another is empty.
    calls: async ({ text = '', decision, before }) => ({
      calls: state.activity.filter(
        (item) =>
          before === undefined &&
          (decision === undefined || item.decision === decision) &&
          Object.values(item).some((part) => String(part).toLowerCase().includes(text.toLowerCase())),
      ),
    }),
    async callDetail(id) {
      const call = state.activity.find((item) => item.id === id);
      return call === undefined ? undefined : fakeDetail(call);
    },
    async *exportRows() {
      for (const row of fakeRecorded().newest.toReversed()) yield Buffer.from(`${row}\n`);
    },
    async doctor(each) {
      for (const check of REPORT.checks) each?.(check);
      return REPORT;
    },
    supportBundle: async () => ({ name: 'outpost-support-20300506-090000.zip', bytes: Buffer.from('PK') }),
    env(shell, tool): EnvReport | undefined {
      if (tool === 'no-such-tool') return undefined;
      const named = tool === undefined ? {} : { tool };
      return { shell, ...named, variables: [], notes: [], script: '' };
    },
    explainRoute: ({ model }): RouteReport | undefined =>
      model === 'no-such-model' ? undefined : { model, offline: false, targets: [] },
    metrics: () => '# HELP outpost_up Whether the daemon runs.\n# TYPE outpost_up gauge\noutpost_up 1\n',
    pac: () => 'function FindProxyForURL(url, host) { return "DIRECT"; }\n',
    crl: (id) => (id === '1' ? new Uint8Array([0x30, 0x00]) : undefined),
    change,
    call: (item) => change({ activity: [item, ...state.activity] }),
  };
}
