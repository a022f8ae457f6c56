// SPDX-License-Identifier: Apache-2.0
// Reports of finished calls for tests, with sensible values where a test does not care.

import type { AttemptReport, ExchangeReport } from '../../src/proxy/exchange/report.ts';

/** An attempt at OpenAI that went well: 200 ms, first content after 50 ms, 11 pieces. */
export function attemptReport(change: Partial<AttemptReport> = {}): AttemptReport {
  return {
    n: 1,
    provider: 'main',
    providerType: 'openai',
    dialect: 'openai-chat',
    model: 'gpt-4o',
    key: undefined,
    probe: false,
    retry: false,
    failure: undefined,
    possiblyBilled: false,
    status: 200,
    error: undefined,
    usage: { input: 100, output: 20, cacheRead: 60, cacheWrite: undefined, reasoning: 5 },
    estimated: false,
    deltas: 11,
    startedAt: 10,
    firstContentAt: 60,
    endedAt: 210,
    losses: [],
    upstreamRequestId: 'up-1',
    responseId: 'chatcmpl-1',
    answerModel: 'gpt-4o-2030-01-01',
    stop: 'stop',
    ...change,
  };
}

/** A streamed call by that attempt, 1.5 ms of it ours. */
export function exchangeReport(change: Partial<ExchangeReport> = {}): ExchangeReport {
  return {
    request: 'req_1',
    decision: 'dec_1',
    entrance: 'gateway',
    dialect: 'openai-chat',
    operation: 'generate',
    model: 'gpt-4o',
    stream: true,
    app: 'editor',
    route: undefined,
    result: 'complete',
    error: undefined,
    status: 200,
    attempts: [attemptReport()],
    stages: { body: 5, recognise: 0.01, identity: 0.04, decide: 0.02, route: 0.03, intent: 1.2, prepare: 0.2 },
    startedAt: 0,
    endedAt: 212,
    ...change,
  };
}
