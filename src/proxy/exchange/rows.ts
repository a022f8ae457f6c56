// SPDX-License-Identifier: Apache-2.0
// From what the stages found to the bodies of audit rows. Pure. Puts in metadata only: no text, no credential, no query.

import type { IntentBody, OutcomeBody, RefusalBody } from '../../contract/audit-row.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { AnswerReader, Recognised, RequestFacts, Usage } from '../dialects/dialect.ts';
import type { Owner } from '../identity/owner.ts';
import type { Policy } from '../policy/policy.ts';
import type { Call } from './call.ts';
import { pathOf } from './place.ts';

/** What is known of a governed call once it has been read; grows no further. */
export interface Subject {
  readonly request: string;
  readonly decision: string;
  readonly call: Call;
  readonly policy: Policy;
  readonly host: string;
  readonly owner: Owner | undefined;
  readonly recognised: Recognised | undefined;
  readonly facts: RequestFacts | undefined;
  readonly operation: string | undefined;
  readonly protocol: 'http/1.1' | 'h2' | 'websocket';
  readonly requestBytes: number | undefined;
}

/**
 * Members that are not known are `undefined`. They stand in alphabetical order, as in the log: then its text is one JSON.stringify
 * (protocol/chain.ts), which counts, because it is made for each request.
 */
export function intentRow(
  subject: Subject,
  target: {
    readonly provider: string;
    readonly model: string | undefined;
    readonly rule: string | undefined;
    /** 2 and up; the first is not numbered. */
    readonly attempt?: number;
  },
): IntentBody {
  const { call, facts, owner } = subject;
  return {
    action: 'allow',
    app: owner?.app,
    attempt: target.attempt,
    client_tls: clientTls(call),
    decision: subject.decision,
    dialect: subject.recognised?.dialect,
    entrance: call.entrance,
    host: subject.host,
    kind: 'intent',
    messages: facts?.messageCount,
    method: call.method,
    model: facts?.model,
    operation: subject.operation,
    path: pathOf(call.target),
    policy: subject.policy.sha256,
    process: processOf(owner),
    protocol: subject.protocol,
    provider: target.provider,
    request: subject.request,
    request_bytes: subject.requestBytes,
    rule: target.rule,
    stream: facts?.stream,
    target_model: target.model,
    tools: toolsOf(facts),
    understood: facts?.understood ?? false,
  };
}

export function refusalRow(
  subject: Subject,
  why: { readonly code: string; readonly rule: string | undefined; readonly provider: string | undefined },
): RefusalBody {
  const { action, target_model, attempt, ...about } = intentRow(subject, {
    provider: '',
    model: undefined,
    rule: why.rule,
  });
  return { ...about, kind: 'refusal', action: 'block', error: why.code, provider: why.provider };
}

function clientTls(call: Call): IntentBody['client_tls'] {
  const { tls } = call.connection;
  return tls === undefined ? undefined : { cipher: tls.cipher, version: tls.version };
}

function processOf(owner: Owner | undefined): IntentBody['process'] {
  return owner === undefined ? undefined : { exe: owner.exe, name: owner.name, pid: owner.pid, uid: owner.uid };
}

function toolsOf(facts: RequestFacts | undefined): IntentBody['tools'] {
  return facts === undefined || facts.toolNames.length === 0 ? undefined : [...facts.toolNames];
}

export interface OutcomeInput {
  readonly request: string;
  readonly result: OutcomeBody['result'];
  readonly provider: string;
  readonly error: ErrorCode | undefined;
  readonly status: number | undefined;
  readonly reader: AnswerReader | undefined;
  /** Of all attempts together, where there were some; else the reader's. */
  readonly total?: { readonly usage: Usage | undefined; readonly estimated: boolean };
  readonly attempts?: number;
  /** Where another provider than the first answered. */
  readonly fallbackFrom?: string | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly firstContentMs: number | undefined;
  readonly totalMs: number;
  readonly upstreamTls: { readonly version: string; readonly cipher: string } | undefined;
}

/** See `intentRow` on the order of the members. */
export function outcomeRow(input: OutcomeInput): OutcomeBody {
  const { reader } = input;
  const facts = reader?.facts();
  const alone = reader !== undefined && facts?.usage.output === undefined && reader.deltas > 0;
  const usage = input.total === undefined ? facts?.usage : input.total.usage;
  const estimated = input.total === undefined ? alone : input.total.estimated;
  return {
    answer_model: facts?.model,
    attempts: input.attempts,
    cache_read_tokens: usage?.cacheRead,
    cache_write_tokens: usage?.cacheWrite,
    error: input.error,
    error_class: facts?.error?.class,
    events: reader?.events,
    fallback_from: input.fallbackFrom,
    first_content_ms: input.firstContentMs === undefined ? undefined : round(input.firstContentMs),
    input_tokens: usage?.input,
    kind: 'outcome',
    output_tokens: input.total === undefined && alone ? reader.deltas : usage?.output,
    provider: input.provider,
    reasoning_tokens: usage?.reasoning,
    request: input.request,
    request_bytes: input.requestBytes,
    response_bytes: input.responseBytes,
    response_id: facts?.responseId,
    result: input.result,
    status: input.status,
    stop: facts?.stop,
    tokens_estimated: estimated ? true : undefined,
    total_ms: round(input.totalMs),
    upstream_request_id: input.upstreamRequestId,
    upstream_tls:
      input.upstreamTls === undefined
        ? undefined
        : { cipher: input.upstreamTls.cipher, version: input.upstreamTls.version },
  };
}

/** Tenths of a millisecond: enough to compare, short to store. */
export function round(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}
