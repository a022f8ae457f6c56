// SPDX-License-Identifier: Apache-2.0
// The fake agent with a past: a log of many calls that can be searched page by page, seven days of usage, calls in full. All invented.

import type { ActivityItem } from '../../src/contract/local-api.ts';
import { CALLS_LIMIT } from '../../src/contract/local-api-constants.ts';
import type {
  CallAttempt,
  CallDetail,
  CallsQuery,
  UsageReport,
  UsageTotals,
} from '../../src/contract/local-history.ts';
import { createFakeAgent, type FakeAgent, fakeCall } from './fake-agent.ts';

export interface HistoryAgent extends FakeAgent {
  /** What is answered; replace it at will. */
  report: UsageReport;
  /** The whole log, newest first; the first few are in the state as well. */
  log: readonly ActivityItem[];
  /** In full, where it differs from what is made of the call. */
  readonly details: Map<string, CallDetail>;
  /** Questions that were asked, oldest first. */
  readonly asked: CallsQuery[];
  /** Nothing but the state is answered while it is true. */
  broken: boolean;
  /** Adds the newest call, or says what became of one. */
  put(item: ActivityItem): void;
}

const START = Date.UTC(2030, 4, 6, 9, 0);
const DAY = 86_400_000;

export function fakeTotals(scale: number, part: Partial<UsageTotals> = {}): UsageTotals {
  return {
    calls: scale,
    blocked: 0,
    input_tokens: scale * 12_345,
    output_tokens: scale * 2_345,
    cost_usd: scale * 0.0625,
    unpriced: 0,
    uncounted: 0,
    ...part,
  };
}

/** @param first date of the oldest day, YYYY-MM-DD */
export function fakeUsage(first = '2030-04-30'): UsageReport {
  const scales = [12, 40, 0, 31, 55, 8, 23];
  const days = scales.map((scale, index) => ({
    date: new Date(Date.parse(first) + index * DAY).toISOString().slice(0, 10),
    ...fakeTotals(scale, { blocked: index === 4 ? 3 : 0, unpriced: index === 4 ? 2 : 0 }),
  }));
  return {
    at: START,
    days,
    models: [
      { name: 'gpt-4o', ...fakeTotals(90) },
      { name: 'claude-sonnet-4-5', ...fakeTotals(60, { blocked: 3 }) },
      { name: '', ...fakeTotals(9, { cost_usd: 0, unpriced: 2 }) },
    ],
    apps: [
      { name: 'Code editor', ...fakeTotals(100) },
      { name: 'Terminal agent', ...fakeTotals(69, { blocked: 3 }) },
    ],
    total: fakeTotals(169, { blocked: 3, unpriced: 2 }),
    since: Date.parse(`${first}T00:00`) - DAY,
  };
}

export const EMPTY_USAGE: UsageReport = {
  at: START,
  days: fakeUsage().days.map(({ date }) => ({ date, ...fakeTotals(0) })),
  models: [],
  apps: [],
  total: fakeTotals(0),
};

/** A call that two providers failed and a third one answered. */
export function fallbackDetail(call: ActivityItem): CallDetail {
  const attempts: CallAttempt[] = [
    {
      attempt: 1,
      provider: 'openai-primary',
      model: 'gpt-4o',
      key: 'team-a',
      result: 'failed',
      failure: 'rate-limit',
      error_class: 'rate_limit_error',
      status: 429,
      total_ms: 310,
    },
    {
      attempt: 2,
      provider: 'openai-primary',
      model: 'gpt-4o',
      key: 'team-b',
      retry: true,
      result: 'broken',
      failure: 'hang',
      error: 'OUT_UPSTREAM_TIMEOUT',
      possibly_billed: true,
      total_ms: 30_000,
    },
    {
      attempt: 3,
      provider: 'azure-eu',
      model: 'gpt-4o-2024-11-20',
      dialect: 'openai-chat',
      probe: true,
      result: 'complete',
      losses: ['service-tier', 'user'],
      input_tokens: 1_203,
      output_tokens: 340,
      first_content_ms: 410,
      total_ms: 2_150,
    },
  ];
  const row = { v: 1, epoch: '0123456789abcdef', at: call.at, prev: 'a1'.repeat(32), hash: 'b2'.repeat(32) };
  return {
    call: { ...call, provider: 'azure-eu' },
    decision: {
      id: `dec-${call.id}`,
      reason: 'No rule forbids it.',
      policy: 'c0ffee'.repeat(10),
      entrance: 'intercept',
      protocol: 'h2',
      host: 'api.openai.com',
      method: 'POST',
      path: '/v1/chat/completions',
      dialect: 'openai-chat',
      understood: true,
      stream: true,
      process: { name: 'code', exe: '/usr/share/code/code', pid: 4_242 },
    },
    attempts,
    fallback_from: 'openai-primary',
    cost_usd: 0.00641,
    rows: ['intent', 'attempt', 'attempt', 'attempt', 'outcome'].map((kind, index) =>
      JSON.stringify({ ...row, seq: 1_000 + index, body: { kind, request: call.id } }),
    ),
  };
}

function detailOf(call: ActivityItem): CallDetail {
  const isBlocked = call.decision === 'blocked';
  const result = call.result === 'refused' ? 'failed' : call.result;
  return {
    call,
    decision: {
      id: `dec-${call.id}`,
      reason: isBlocked ? 'Your organisation does not allow this model.' : 'No rule forbids it.',
      ...(isBlocked ? { rule: 'models.deny[0]' } : {}),
      policy: 'c0ffee'.repeat(10),
    },
    attempts: isBlocked ? [] : [{ attempt: 1, provider: call.provider ?? '', result }],
    rows: [],
  };
}

/** @param calls in the log, besides the three of the fake agent's state */
export function createHistoryAgent(calls = 250): HistoryAgent {
  const fake = createFakeAgent();
  const older = Array.from({ length: calls }, (_, index) =>
    fakeCall(-index, {
      id: `old-${index + 1}`,
      app: index % 10 === 0 ? 'Notebook' : 'Code editor',
      ...(index % 25 === 0 ? ({ decision: 'blocked', result: 'refused', error: 'OUT_BLOCKED_MODEL' } as const) : {}),
    }),
  );
  const ask = <T>(answer: () => T): Promise<T> =>
    agent.broken ? Promise.reject(new Error('broken')) : Promise.resolve(answer());
  const agent: HistoryAgent = Object.assign(fake, {
    report: fakeUsage(),
    log: [...fake.state().activity, ...older],
    details: new Map<string, CallDetail>(),
    asked: [] as CallsQuery[],
    broken: false,
    usage: () => ask(() => agent.report),
    calls: (query: CallsQuery) =>
      ask(() => {
        agent.asked.push(query);
        const from = query.before === undefined ? 0 : Number(query.before);
        const text = query.text?.toLowerCase() ?? '';
        const found = agent.log.filter(
          ({ id, app, provider, model, error, decision }) =>
            (query.decision ?? decision) === decision &&
            [id, app, provider, model, error].some((part) => part?.toLowerCase().includes(text)),
        );
        const next = from + CALLS_LIMIT;
        const page = { calls: found.slice(from, next) };
        return next < found.length ? { ...page, next: String(next) } : page;
      }),
    callDetail: (id: string) =>
      ask(() => {
        const call = agent.log.find((item) => item.id === id);
        return agent.details.get(id) ?? (call === undefined ? undefined : detailOf(call));
      }),
    put(item: ActivityItem) {
      const others = (list: readonly ActivityItem[]) => list.filter(({ id }) => id !== item.id);
      const { activity, audit } = fake.state();
      agent.log = [item, ...others(agent.log)];
      fake.change({ activity: [item, ...others(activity)], audit: { ...audit, watermark: audit.watermark + 1 } });
    },
  });
  return agent;
}
