// SPDX-License-Identifier: Apache-2.0
// The ends of a governed call: refused before anything left, answered, broken, cancelled, or with its chain exhausted. The caller gets its
// answer or its visible break, the log its row, telemetry its report.

import { ERRORS, type ErrorCode, type OutpostError } from '../../contract/errors.ts';
import { dialectOf, errorMessage, parseValue } from '../dialects/index.ts';
import type { BlockCode, RouteTarget } from '../policy/policy.ts';
import type { FailureClass, SkipReason, Step } from '../routing/routing.ts';
import { nativeError, type Said, sayToCall, whoAnswered } from './answer.ts';
import type { HttpCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { answerHeaders, header, strangersHeaders } from './edits.ts';
import type { Prepared } from './prepare.ts';
import type { StageTimes } from './report.ts';
import { outcomeRow, refusalRow, type Subject } from './rows.ts';
import { callersFraming } from './translating.ts';
import { attemptReport, errorOf, type Tried, totalUsage, upstreamId } from './tried.ts';

/** All that is known of a call when it ends. */
export interface Ending {
  readonly deps: ExchangeDeps;
  readonly call: HttpCall;
  readonly subject: Subject;
  readonly route: string | undefined;
  /** The target that was to answer; settled with the first plan. */
  first: RouteTarget;
  readonly attempts: readonly Tried[];
  readonly skipped: readonly { readonly provider: string; readonly why: SkipReason }[];
  readonly stages: StageTimes;
  readonly startedAt: number;
}

type Result = 'complete' | 'failed' | 'broken' | 'cancelled';

/** The headers with which a provider's answer reaches the caller. */
export function headersFor(
  about: Pick<Ending, 'subject' | 'first'>,
  attempt: {
    readonly prepared: Prepared;
    readonly provider: string;
    readonly model: string | undefined;
    readonly n: number;
  },
  raw: readonly string[],
): string[] {
  const { prepared, provider } = attempt;
  const said = whoAnswered({
    request: about.subject.request,
    provider,
    model: attempt.model,
    attempts: attempt.n,
    fallbackFrom: fallbackFrom(about, provider, attempt.model),
    losses: prepared.losses,
  });
  if (prepared.way === 'direct') return answerHeaders(raw, said);
  const id = upstreamId(raw);
  if (id !== undefined) said.push('x-outpost-upstream-request-id', id.slice(0, 128));
  if (prepared.translation === undefined) return strangersHeaders(raw, prepared.reframe?.contentType, said);
  return ['content-type', prepared.translation.contentType, 'cache-control', 'no-cache', ...said];
}

/** The attempt is the call's end: its content reached the caller, or its error is the caller's to see. */
export function settle(ending: Ending, tried: Tried): void {
  const { call, subject } = ending;
  const { prepared, result } = tried;
  switch (result.kind) {
    case 'complete':
      return record(ending, tried, 'complete', undefined, result.status);
    case 'held':
      if (prepared !== undefined && mayPassOn(prepared)) {
        const provider = tried.planned.target.provider.name;
        call.reply.head(
          result.status,
          headersFor(ending, { prepared, provider, model: tried.model, n: tried.planned.n }, result.headers),
        );
        for (const chunk of result.body) call.reply.write(chunk);
        call.reply.end(result.trailers);
      } else sayAnew(ending, tried, result.status, result.body);
      return record(ending, tried, 'failed', undefined, result.status);
    case 'failed':
      sayToCall(call, { ...about(ending, tried), code: result.error.code }, subject.recognised);
      return record(ending, tried, 'failed', result.error.code, undefined);
    case 'broken': {
      const bytes = inBandError(ending, tried, result.error);
      if (bytes.length > 0) call.reply.write(bytes);
      call.reply.abort();
      return record(ending, tried, 'broken', result.error.code, result.status);
    }
    case 'cancelled':
      call.reply.abort();
      return record(ending, tried, 'cancelled', undefined, undefined);
  }
}

/** Which target another one stands in for; with its model where only that is another. */
function fallbackFrom(
  { first, subject }: Pick<Ending, 'first' | 'subject'>,
  provider: string,
  model: string | undefined,
) {
  const wanted = first.model ?? subject.facts?.model;
  if (provider !== first.provider.name) return first.provider.name;
  return model === wanted ? undefined : `${first.provider.name}/${wanted}`;
}

/** Ended by ourselves between attempts, for a reason of ours. */
export function settleStopped(ending: Ending, code: ErrorCode): void {
  const { call, subject, attempts } = ending;
  const { request, decision } = subject;
  sayToCall(call, { code, request, decision, attempts: attempts.length }, subject.recognised);
  record(ending, attempts.at(-1), 'failed', code, undefined);
}

/** The caller left between attempts. */
export function settleLeft(ending: Ending): void {
  ending.call.reply.abort();
  record(ending, ending.attempts.at(-1), 'cancelled', undefined, undefined);
}

const CODE_BY_FAILURE: Readonly<Partial<Record<FailureClass, ErrorCode>>> = {
  credential: 'OUT_CHAIN_CREDENTIALS',
  'rate-limit': 'OUT_CHAIN_RATE_LIMITED',
  hang: 'OUT_CHAIN_TIMEOUT',
};

/** Nothing is left to try: one error of ours, in the caller's dialect. */
export function settleExhausted(ending: Ending, step: Extract<Step, { kind: 'exhausted' }>): void {
  const { call, subject, attempts, skipped } = ending;
  const last = attempts.at(-1);
  const code =
    step.reason === 'offline'
      ? 'OUT_OFFLINE'
      : ((last?.failure === undefined ? undefined : CODE_BY_FAILURE[last.failure]) ?? 'OUT_CHAIN_FAILED');
  const detail = [
    ...attempts.map(({ planned, failure }) => `${planned.target.provider.name}=${failure ?? 'ok'}`),
    ...skipped.map(({ provider, why }) => `${provider}=${skipWord(why)}`),
  ];
  sayToCall(
    call,
    {
      code,
      request: subject.request,
      decision: subject.decision,
      provider: last?.planned.target.provider.name ?? ending.first.provider.name,
      model: subject.facts?.model,
      attempts: attempts.length,
      retryAfterMs: step.retryAfterMs,
      detail,
    },
    subject.recognised,
  );
  record(ending, last, 'failed', code, undefined);
}

/** One word a skipped target; of losses their codes. */
function skipWord(why: SkipReason): string {
  switch (why.kind) {
    case 'open':
      return `open:${why.why}`;
    case 'loss':
      return `loss:${why.codes.join('+')}`;
    default:
      return why.kind;
  }
}

function about({ subject }: Ending, { planned, model }: Tried): Omit<Said, 'code'> {
  return {
    request: subject.request,
    decision: subject.decision,
    provider: planned.target.provider.name,
    model,
    attempts: planned.n,
  };
}

/** An error body in the caller's own dialect and frames goes on as it is. */
function mayPassOn(prepared: Prepared): boolean {
  return prepared.translation === undefined && prepared.reframe === undefined;
}

/** A provider's error in the caller's dialect. Its sentence is told only where it is about the caller's own request: others may name keys. */
function sayAnew(ending: Ending, tried: Tried, status: number, body: readonly Buffer[]): void {
  const { call, subject } = ending;
  const facts = tried.result.reader?.facts();
  const mine =
    tried.failure === 'client-mistake' || tried.failure === 'context-length' || tried.failure === 'content-policy';
  const sentence = mine && status >= 400 ? errorMessage(parseValue(Buffer.concat(body).toString('utf8'))) : '';
  const said = { ...about(ending, tried), code: 'OUT_CHAIN_FAILED' } as const;
  const error = nativeError(said);
  sayToCall(call, said, subject.recognised, {
    ...error,
    status: status >= 400 ? status : 502,
    class: facts?.error?.class ?? error.class,
    message: sentence === '' ? error.message : `${sentence} (Outpost ${subject.decision})`,
  });
}

/** A compressed stream cannot carry a plain event: then the abort alone has to say it. */
function inBandError({ subject, call }: Ending, { prepared, result }: Tried, error: OutpostError): Buffer {
  const { recognised, facts } = subject;
  const { reader } = result;
  if (recognised === undefined || facts === undefined || reader === undefined) return Buffer.alloc(0);
  const said = nativeError({ code: error.code, request: subject.request, decision: subject.decision });
  if (prepared?.translation !== undefined) {
    const framing = callersFraming({ recognised, facts, target: call.target });
    return framing === undefined ? Buffer.alloc(0) : dialectOf(recognised.dialect).streamError(framing, said);
  }
  // The provider has said it itself.
  if (reader.facts().error !== undefined) return Buffer.alloc(0);
  const coding = header(result.headers, 'content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity') return Buffer.alloc(0);
  return dialectOf(recognised.dialect).streamError(reader.framing, said);
}

function record(
  ending: Ending,
  tried: Tried | undefined,
  result: Result,
  error: ErrorCode | undefined,
  status: number | undefined,
): void {
  const { deps, subject, attempts } = ending;
  if (result === 'failed' || result === 'broken') deps.counters.failed += 1;
  if (result === 'cancelled') deps.counters.cancelled += 1;
  const upstream = tried === undefined ? undefined : errorOf(tried.result);
  if (error !== undefined) {
    deps.log.warn('upstream-failed', { request: subject.request, code: error, detail: upstream?.detail });
  }
  const endedAt = deps.clock.monotonic();
  const answered = tried?.result;
  const provider = tried?.planned.target.provider.name ?? ending.first.provider.name;
  const committedAt = answered?.committedAt;
  deps.audit.outcome(
    outcomeRow({
      request: subject.request,
      result,
      provider,
      error,
      status: answered?.status,
      reader: answered?.reader,
      total: totalUsage(attempts),
      attempts: attempts.length,
      fallbackFrom: tried === undefined ? undefined : fallbackFrom(ending, provider, tried.model),
      upstreamRequestId: answered === undefined ? undefined : upstreamId(answered.headers),
      requestBytes: subject.requestBytes ?? 0,
      responseBytes: attempts.reduce((sum, each) => sum + each.result.responseBytes, 0),
      firstContentMs: committedAt === undefined ? undefined : committedAt - ending.startedAt,
      totalMs: endedAt - ending.startedAt,
      upstreamTls: tried?.prepared === undefined ? undefined : deps.pools.tls(tried.prepared.origin),
    }),
  );
  deps.observe({
    ...reportOf(subject),
    route: ending.route,
    result,
    error,
    status,
    attempts: attempts.map(attemptReport),
    stages: ending.stages,
    startedAt: ending.startedAt,
    endedAt,
  });
}

const NO_STAGES: StageTimes = { body: 0, recognise: 0, identity: 0, decide: 0, route: 0, intent: 0, prepare: 0 };

/** What a report says of the call itself. */
function reportOf(subject: Subject) {
  const { request, decision, recognised, facts, owner, call } = subject;
  return {
    request,
    decision,
    entrance: call.entrance,
    dialect: recognised?.dialect,
    operation: recognised?.operation,
    model: facts?.model,
    stream: facts?.stream ?? false,
    app: owner?.app,
  };
}

export function refuse(
  deps: ExchangeDeps,
  call: HttpCall,
  subject: Subject,
  why: {
    readonly code: BlockCode | 'OUT_BAD_REQUEST' | 'OUT_AUDIT_UNAVAILABLE';
    readonly rule: string | undefined;
    readonly message: string | undefined;
  },
  provider: string,
): void {
  deps.counters.blocked += 1;
  const now = deps.clock.monotonic();
  deps.observe({
    ...reportOf(subject),
    route: undefined,
    result: 'refused',
    error: why.code,
    status: ERRORS[why.code].status,
    attempts: [],
    stages: NO_STAGES,
    startedAt: now,
    endedAt: now,
  });
  deps.audit.refusal(refusalRow(subject, { code: why.code, rule: why.rule, provider }));
  sayToCall(
    call,
    {
      code: why.code,
      message: why.message,
      request: subject.request,
      decision: subject.decision,
      provider,
      model: subject.facts?.model,
    },
    subject.recognised,
  );
}
