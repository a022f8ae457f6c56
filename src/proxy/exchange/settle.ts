// SPDX-License-Identifier: Apache-2.0
// The ends of a governed call: refused before anything left, or settled after an attempt. The caller gets its answer or its
// visible break, the log gets its row.

import type { OutpostError } from '../../contract/errors.ts';
import type { AnswerReader, Recognised } from '../dialects/dialect.ts';
import { dialectOf } from '../dialects/index.ts';
import type { Target } from '../policy/policy.ts';
import { nativeError, type Said, sayToCall, whoAnswered } from './answer.ts';
import type { AttemptResult } from './attempt.ts';
import type { HttpCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { answerHeaders, header } from './edits.ts';
import { outcomeRow, refusalRow, type Subject } from './rows.ts';

/** Last stage: the caller gets its end, the log gets its row. */
export function settle(
  deps: ExchangeDeps,
  call: HttpCall,
  subject: Subject,
  target: Target,
  origin: string,
  result: AttemptResult,
  startedAt: number,
): void {
  const said = (error: OutpostError): Said => ({
    code: error.code,
    request: subject.request,
    decision: subject.decision,
    provider: target.provider.name,
    model: target.model ?? subject.facts?.model,
  });
  let outcome: 'complete' | 'failed' | 'broken' | 'cancelled';
  let error: OutpostError | undefined;
  switch (result.kind) {
    case 'complete':
      outcome = 'complete';
      break;
    case 'held': {
      // The provider's own error: the caller gets it untouched.
      outcome = 'failed';
      call.reply.head(
        result.status,
        answerHeaders(
          result.headers,
          whoAnswered(subject.request, target.provider.name, target.model ?? subject.facts?.model),
        ),
      );
      for (const chunk of result.body) call.reply.write(chunk);
      call.reply.end(result.trailers);
      break;
    }
    case 'failed':
      outcome = 'failed';
      error = result.error;
      sayToCall(call, said(error), subject.recognised);
      break;
    case 'broken': {
      outcome = 'broken';
      error = result.error;
      const bytes = inBandError(subject.recognised, result.reader, result.headers, error, subject);
      if (bytes.length > 0) call.reply.write(bytes);
      call.reply.abort();
      break;
    }
    case 'cancelled':
      outcome = 'cancelled';
      call.reply.abort();
      break;
  }
  if (outcome === 'failed' || outcome === 'broken') deps.counters.failed += 1;
  if (outcome === 'cancelled') deps.counters.cancelled += 1;
  if (error !== undefined)
    deps.log.warn('upstream-failed', { request: subject.request, code: error.code, detail: error.detail });
  deps.audit.outcome(
    outcomeRow({
      request: subject.request,
      result: outcome,
      provider: target.provider.name,
      error,
      status: result.status,
      reader: result.reader,
      upstreamRequestId: upstreamId(result.headers),
      requestBytes: subject.requestBytes ?? 0,
      responseBytes: result.responseBytes,
      firstContentMs: result.committedAt === undefined ? undefined : result.committedAt - startedAt,
      totalMs: deps.clock.monotonic() - startedAt,
      upstreamTls: deps.pools.tls(origin),
    }),
  );
}

/** A compressed stream cannot carry a plain event: then the abort alone has to say it. */
function inBandError(
  recognised: Recognised | undefined,
  reader: AnswerReader | undefined,
  headers: readonly string[],
  error: OutpostError,
  subject: Subject,
): Buffer {
  if (recognised === undefined || reader === undefined) return Buffer.alloc(0);
  const coding = header(headers, 'content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity') return Buffer.alloc(0);
  return dialectOf(recognised.dialect).streamError(
    reader.framing,
    nativeError({ code: error.code, request: subject.request, decision: subject.decision }),
  );
}

const UPSTREAM_IDS = ['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id'] as const;

function upstreamId(headers: readonly string[]): string | undefined {
  for (const name of UPSTREAM_IDS) {
    const value = header(headers, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

export function refuse(
  deps: ExchangeDeps,
  call: HttpCall,
  subject: Subject,
  why: {
    readonly code:
      | 'OUT_BLOCKED_HOST'
      | 'OUT_BLOCKED_MODEL'
      | 'OUT_BLOCKED_APP'
      | 'OUT_UNREADABLE_BODY'
      | 'OUT_BAD_REQUEST'
      | 'OUT_AUDIT_UNAVAILABLE';
    readonly rule: string | undefined;
    readonly message: string | undefined;
  },
  provider: string,
): void {
  deps.counters.blocked += 1;
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
