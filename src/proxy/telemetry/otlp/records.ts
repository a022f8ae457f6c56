// SPDX-License-Identifier: Apache-2.0
// Turns the report of a finished call into a trace (a span for the call, one below it for each attempt) and, where it was refused or
// failed, a log record. No text of requests or answers is in a report, so none can get here. Must not know queues or sockets.

import type { AttemptReport, ExchangeReport } from '../../exchange/report.ts';
import { errorTypeOfAttempt, errorTypeOfReport } from '../error-type.ts';
import { overheadMs } from '../instruments.ts';
import { cleanName } from '../registry.ts';
import { ATTRIBUTE, finishReason, operationName, providerName } from '../semconv.ts';
import { type AttributeValue, encodeAttributes, nanos } from './encode.ts';

/** SpanKind and StatusCode of trace.proto, SeverityNumber of logs.proto. */
const SPAN_KIND_SERVER = 2;
const SPAN_KIND_CLIENT = 3;
const STATUS_ERROR = 2;
const SEVERITY = { refused: { number: 13, text: 'WARN' }, failed: { number: 17, text: 'ERROR' } } as const;

/** What a report does not know of itself. */
export interface RecordContext {
  /** Turns `Clock.monotonic()` into wall time; both milliseconds. */
  readonly wall: (monotonic: number) => number;
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
}

function spanName(operation: string, model: string | undefined): string {
  return model === undefined ? operation : `${operation} ${cleanName(model, 96)}`;
}

function attemptAttributes(
  report: ExchangeReport,
  attempt: AttemptReport,
  operation: string,
): [string, AttributeValue][] {
  const { usage, firstContentAt } = attempt;
  return [
    [ATTRIBUTE.operation, operation],
    [ATTRIBUTE.provider, providerName(attempt.providerType)],
    [ATTRIBUTE.requestModel, attempt.model],
    [ATTRIBUTE.requestStream, report.stream || undefined],
    [ATTRIBUTE.responseModel, attempt.answerModel],
    [ATTRIBUTE.responseId, attempt.responseId],
    [ATTRIBUTE.finishReasons, attempt.stop === undefined ? undefined : [finishReason(attempt.stop)]],
    [
      ATTRIBUTE.timeToFirstChunk,
      report.stream && firstContentAt !== undefined
        ? { double: (firstContentAt - attempt.startedAt) / 1000 }
        : undefined,
    ],
    [ATTRIBUTE.inputTokens, usage?.input],
    [ATTRIBUTE.outputTokens, usage?.output],
    [ATTRIBUTE.cacheReadTokens, usage?.cacheRead],
    [ATTRIBUTE.cacheWriteTokens, usage?.cacheWrite],
    [ATTRIBUTE.reasoningTokens, usage?.reasoning],
    [ATTRIBUTE.errorType, errorTypeOfAttempt(attempt)],
    [ATTRIBUTE.httpStatus, attempt.status],
    [ATTRIBUTE.providerName, attempt.provider],
    [ATTRIBUTE.attempt, attempt.n],
    [ATTRIBUTE.key, attempt.key],
    [ATTRIBUTE.probe, attempt.probe || undefined],
    [ATTRIBUTE.retry, attempt.retry || undefined],
    [ATTRIBUTE.possiblyBilled, attempt.possiblyBilled || undefined],
    [ATTRIBUTE.usageEstimated, attempt.estimated || undefined],
    [ATTRIBUTE.losses, attempt.losses.length === 0 ? undefined : attempt.losses],
    [ATTRIBUTE.upstreamRequest, attempt.upstreamRequestId],
  ];
}

function reportAttributes(report: ExchangeReport): [string, AttributeValue][] {
  return [
    [ATTRIBUTE.operation, operationName(report.operation, report.dialect)],
    [ATTRIBUTE.requestModel, report.model],
    [ATTRIBUTE.errorType, errorTypeOfReport(report)],
    [ATTRIBUTE.httpStatus, report.status],
    [ATTRIBUTE.request, report.request],
    [ATTRIBUTE.decision, report.decision],
    [ATTRIBUTE.entrance, report.entrance],
    [ATTRIBUTE.app, report.app],
    [ATTRIBUTE.route, report.route],
    [ATTRIBUTE.result, report.result],
    [ATTRIBUTE.errorCode, report.error],
  ];
}

/**
 * The spans of one call as JSON, joined by commas, and how many. The call's own span has no usage: that is on the attempts, and a
 * backend that adds up spans would count it twice.
 */
export function encodeTrace(
  report: ExchangeReport,
  context: RecordContext,
  newSpanId: () => string,
): { readonly json: string; readonly records: number } {
  const { traceId, spanId: parentSpanId, wall } = context;
  const operation = operationName(report.operation, report.dialect);
  const span = {
    traceId,
    spanId: parentSpanId,
    name: spanName(operation, report.model),
    kind: SPAN_KIND_SERVER,
    startTimeUnixNano: nanos(wall(report.startedAt)),
    endTimeUnixNano: nanos(wall(report.endedAt)),
    attributes: encodeAttributes([
      ...reportAttributes(report),
      [ATTRIBUTE.overhead, { double: overheadMs(report) / 1000 }],
    ]),
    ...(errorTypeOfReport(report) === undefined ? {} : { status: { code: STATUS_ERROR } }),
  };
  const attempts = report.attempts.map((attempt) => {
    const name = operationName(report.operation, attempt.dialect ?? report.dialect);
    return {
      traceId,
      spanId: newSpanId(),
      parentSpanId,
      name: spanName(name, attempt.model),
      kind: SPAN_KIND_CLIENT,
      startTimeUnixNano: nanos(wall(attempt.startedAt)),
      endTimeUnixNano: nanos(wall(attempt.endedAt)),
      attributes: encodeAttributes(attemptAttributes(report, attempt, name)),
      ...(errorTypeOfAttempt(attempt) === undefined ? {} : { status: { code: STATUS_ERROR } }),
    };
  });
  return { json: [span, ...attempts].map((one) => JSON.stringify(one)).join(','), records: 1 + attempts.length };
}

/** The log record of a call that was refused or failed, as JSON; undefined: there is nothing to tell. `linked`: its trace is sent too. */
export function encodeLog(report: ExchangeReport, context: RecordContext, linked: boolean): string | undefined {
  const { result } = report;
  if (result === 'complete' || result === 'cancelled') return undefined;
  const severity = SEVERITY[result === 'refused' ? 'refused' : 'failed'];
  const at = nanos(context.wall(report.endedAt));
  return JSON.stringify({
    timeUnixNano: at,
    observedTimeUnixNano: at,
    severityNumber: severity.number,
    severityText: severity.text,
    body: { stringValue: `call ${result}: ${errorTypeOfReport(report) ?? '_OTHER'}` },
    attributes: encodeAttributes(reportAttributes(report)),
    ...(linked ? { traceId: context.traceId, spanId: context.spanId } : {}),
    eventName: `outpost.exchange.${result}`,
  });
}
