// SPDX-License-Identifier: Apache-2.0
// An attempt that has ended, and what other rooms are told of it: routing in the words of failures, the log as a row, telemetry as a
// report. Pure.

import type { AttemptBody } from '../../contract/audit-row.ts';
import type { OutpostError } from '../../contract/errors.ts';
import type { Usage } from '../dialects/dialect.ts';
import type { AttemptOutcome, FailureClass, Planned } from '../routing/routing.ts';
import type { AttemptResult } from './attempt.ts';
import { header } from './edits.ts';
import type { Prepared } from './prepare.ts';
import type { AttemptReport } from './report.ts';
import { round } from './rows.ts';

export interface Tried {
  readonly planned: Planned;
  /** undefined: it could not even be made (no token for a service account). */
  readonly prepared: Prepared | undefined;
  readonly result: AttemptResult;
  /** What routing calls it; undefined: it went well. */
  readonly failure: FailureClass | undefined;
  readonly model: string | undefined;
  /** `Clock.monotonic()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** How an attempt went, for routing. */
export function outcomeOf(result: AttemptResult): AttemptOutcome {
  switch (result.kind) {
    case 'complete':
      // Passed on unread, but such a status says how the provider is. A 4xx of a path that nobody knows says nothing of key or model.
      return result.reader === undefined && result.status !== undefined && result.status >= 500
        ? refusedWith(result, result.status)
        : { kind: 'complete' };
    case 'cancelled':
      return result.committedAt === undefined ? { kind: 'left' } : { kind: 'complete' };
    case 'broken':
      return { kind: 'broken', timeout: result.timeout !== undefined };
    case 'held':
      return refusedWith(result, result.status);
    case 'failed':
      return {
        kind: 'failed',
        code: result.error.code,
        detail: result.error.detail,
        timeout: result.timeout === 'idle' ? 'first-content' : result.timeout,
        headSeen: result.status !== undefined,
        staleSocket: result.staleSocket,
        sent: result.sent,
      };
  }
}

function refusedWith(result: AttemptResult, status: number): AttemptOutcome {
  const error = result.reader?.facts().error;
  return {
    kind: 'refused',
    status,
    errorClass: error?.class ?? 'unknown',
    code: error?.code,
    retryAfterMs: error?.retryAfterMs,
    header: (name) => header(result.headers, name),
  };
}

/** Whether a provider may have worked, and bill, although its answer was not used: it had the request and never said no. */
export function possiblyBilled(result: AttemptResult): boolean {
  if (result.kind === 'complete') return false;
  if (result.kind === 'held') return result.status < 400 && result.reader?.facts().understood === false;
  return result.sent;
}

interface Counted {
  readonly usage: Usage | undefined;
  readonly estimated: boolean;
}

/** What the provider says it used; where a stream broke before that came, the pieces counted. */
export function usageOf(result: AttemptResult): Counted {
  const { reader } = result;
  const usage = reader?.facts().usage;
  if (reader === undefined || usage === undefined) return { usage: undefined, estimated: false };
  if (usage.output !== undefined || reader.deltas === 0) return { usage, estimated: false };
  return { usage: { ...usage, output: reader.deltas }, estimated: true };
}

export function errorOf(result: AttemptResult): OutpostError | undefined {
  return result.kind === 'failed' || result.kind === 'broken' ? result.error : undefined;
}

const UPSTREAM_IDS = ['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id'] as const;

/** The provider's own number for the call. */
export function upstreamId(headers: readonly string[]): string | undefined {
  for (const name of UPSTREAM_IDS) {
    const value = header(headers, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function resultOf(result: AttemptResult): AttemptBody['result'] {
  return result.kind === 'held' ? 'failed' : result.kind;
}

/** Members in alphabetical order, see `intentRow`. */
export function attemptRow(request: string, tried: Tried): AttemptBody {
  const { planned, prepared, result } = tried;
  const facts = result.reader?.facts();
  const { usage, estimated } = usageOf(result);
  return {
    answer_model: facts?.model,
    attempt: planned.n,
    cache_read_tokens: usage?.cacheRead,
    cache_write_tokens: usage?.cacheWrite,
    dialect: prepared?.dialect,
    error: errorOf(result)?.code,
    error_class: facts?.error?.class,
    failure: tried.failure,
    first_content_ms: result.committedAt === undefined ? undefined : round(result.committedAt - tried.startedAt),
    input_tokens: usage?.input,
    key: planned.key?.name,
    kind: 'attempt',
    losses: lossesOf(tried).length === 0 ? undefined : [...lossesOf(tried)],
    output_tokens: usage?.output,
    possibly_billed: possiblyBilled(result) ? true : undefined,
    probe: planned.probe ? true : undefined,
    provider: planned.target.provider.name,
    reasoning_tokens: usage?.reasoning,
    request,
    response_bytes: result.responseBytes,
    response_id: facts?.responseId,
    result: resultOf(result),
    retry: planned.retry ? true : undefined,
    status: result.status,
    stop: facts?.stop,
    target_model: tried.model,
    tokens_estimated: estimated ? true : undefined,
    total_ms: round(tried.endedAt - tried.startedAt),
    upstream_request_id: upstreamId(result.headers),
  };
}

/** Losses of the request, and of as much of the answer as came. */
export function lossesOf({ prepared }: Tried): readonly string[] {
  if (prepared === undefined) return [];
  const inAnswer = prepared.translation?.losses.found ?? [];
  return inAnswer.length === 0
    ? prepared.losses
    : [...new Set([...prepared.losses, ...inAnswer.map(({ code }) => code)])];
}

export function attemptReport(tried: Tried): AttemptReport {
  const { planned, prepared, result } = tried;
  const facts = result.reader?.facts();
  return {
    n: planned.n,
    provider: planned.target.provider.name,
    providerType: planned.target.provider.type,
    dialect: prepared?.dialect,
    model: tried.model,
    key: planned.key?.name,
    probe: planned.probe,
    retry: planned.retry,
    failure: tried.failure,
    possiblyBilled: possiblyBilled(result),
    status: result.status,
    error: errorOf(result)?.code,
    ...usageOf(result),
    deltas: result.reader?.deltas ?? 0,
    startedAt: tried.startedAt,
    firstContentAt: result.committedAt,
    endedAt: tried.endedAt,
    losses: lossesOf(tried),
    upstreamRequestId: upstreamId(result.headers),
    responseId: facts?.responseId,
    answerModel: facts?.model,
    stop: facts?.stop,
  };
}

/** Sums of what is known; undefined where no attempt knew. */
export function totalUsage(attempts: readonly Tried[]): Counted {
  let total: { -readonly [K in keyof Usage]: Usage[K] } | undefined;
  let estimated = false;
  for (const { result } of attempts) {
    const counted = usageOf(result);
    estimated ||= counted.estimated;
    if (counted.usage === undefined) continue;
    if (total === undefined) {
      total = { ...counted.usage };
      continue;
    }
    for (const field of ['input', 'output', 'cacheRead', 'cacheWrite', 'reasoning'] as const) {
      const more = counted.usage[field];
      if (more !== undefined) total[field] = (total[field] ?? 0) + more;
    }
  }
  return { usage: total, estimated };
}
