// SPDX-License-Identifier: Apache-2.0
// From what the stages found to the bodies of audit rows. Pure. Puts in metadata only: no text, no credential, no query.

import type { IntentBody, OutcomeBody, RefusalBody } from '../../contract/audit-row.ts';
import type { OutpostError } from '../../contract/errors.ts';
import type { AnswerFacts, AnswerReader, Recognised, RequestFacts } from '../dialects/dialect.ts';
import type { Owner } from '../identity/owner.ts';
import type { Policy } from '../policy/policy.ts';
import type { Call } from './call.ts';

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

function subjectFields(subject: Subject) {
  const { call, owner, facts, recognised } = subject;
  const query = call.target.indexOf('?');
  return {
    request: subject.request,
    decision: subject.decision,
    entrance: call.entrance,
    protocol: subject.protocol,
    host: subject.host,
    method: call.method,
    path: query < 0 ? call.target : call.target.slice(0, query),
    ...(owner === undefined
      ? {}
      : {
          app: owner.app,
          process: {
            name: owner.name,
            pid: owner.pid,
            uid: owner.uid,
            ...(owner.exe === undefined ? {} : { exe: owner.exe }),
          },
        }),
    ...(recognised === undefined ? {} : { dialect: recognised.dialect }),
    ...(subject.operation === undefined ? {} : { operation: subject.operation }),
    ...(facts?.model === undefined ? {} : { model: facts.model }),
    ...(facts === undefined ? {} : { stream: facts.stream }),
    understood: facts?.understood ?? false,
    ...(facts?.messageCount === undefined ? {} : { messages: facts.messageCount }),
    ...(facts === undefined || facts.toolNames.length === 0 ? {} : { tools: [...facts.toolNames] }),
    ...(subject.requestBytes === undefined ? {} : { request_bytes: subject.requestBytes }),
    policy: subject.policy.sha256,
    ...(call.connection.tls === undefined
      ? {}
      : { client_tls: { version: call.connection.tls.version, cipher: call.connection.tls.cipher } }),
  };
}

export function intentRow(
  subject: Subject,
  target: { readonly provider: string; readonly model: string | undefined; readonly rule: string | undefined },
): IntentBody {
  return {
    kind: 'intent',
    ...subjectFields(subject),
    provider: target.provider,
    ...(target.model === undefined ? {} : { target_model: target.model }),
    action: 'allow',
    ...(target.rule === undefined ? {} : { rule: target.rule }),
  };
}

export function refusalRow(
  subject: Subject,
  why: { readonly code: string; readonly rule: string | undefined; readonly provider: string | undefined },
): RefusalBody {
  return {
    kind: 'refusal',
    ...subjectFields(subject),
    ...(why.provider === undefined ? {} : { provider: why.provider }),
    action: 'block',
    error: why.code,
    ...(why.rule === undefined ? {} : { rule: why.rule }),
  };
}

export interface OutcomeInput {
  readonly request: string;
  readonly result: OutcomeBody['result'];
  readonly provider: string;
  readonly error: OutpostError | undefined;
  readonly status: number | undefined;
  readonly reader: AnswerReader | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly firstContentMs: number | undefined;
  readonly totalMs: number;
  readonly upstreamTls: { readonly version: string; readonly cipher: string } | undefined;
}

export function outcomeRow(input: OutcomeInput): OutcomeBody {
  const facts = input.reader?.facts();
  return {
    kind: 'outcome',
    request: input.request,
    result: input.result,
    ...(input.error === undefined ? {} : { error: input.error.code }),
    ...(facts?.error === undefined ? {} : { error_class: facts.error.class }),
    ...(input.status === undefined ? {} : { status: input.status }),
    provider: input.provider,
    ...(facts === undefined ? {} : answerFields(facts, input.reader)),
    ...(input.upstreamRequestId === undefined ? {} : { upstream_request_id: input.upstreamRequestId }),
    request_bytes: input.requestBytes,
    response_bytes: input.responseBytes,
    ...(input.firstContentMs === undefined ? {} : { first_content_ms: round(input.firstContentMs) }),
    total_ms: round(input.totalMs),
    ...(input.upstreamTls === undefined ? {} : { upstream_tls: input.upstreamTls }),
  };
}

function answerFields(facts: AnswerFacts, reader: AnswerReader | undefined) {
  const { usage } = facts;
  const counted = reader !== undefined && usage.output === undefined && reader.deltas > 0;
  return {
    ...(facts.model === undefined ? {} : { answer_model: facts.model }),
    ...(facts.responseId === undefined ? {} : { response_id: facts.responseId }),
    ...(facts.stop === undefined ? {} : { stop: facts.stop }),
    ...(usage.input === undefined ? {} : { input_tokens: usage.input }),
    ...(counted
      ? { output_tokens: reader.deltas, tokens_estimated: true }
      : usage.output === undefined
        ? {}
        : { output_tokens: usage.output }),
    ...(usage.cacheRead === undefined ? {} : { cache_read_tokens: usage.cacheRead }),
    ...(usage.cacheWrite === undefined ? {} : { cache_write_tokens: usage.cacheWrite }),
    ...(usage.reasoning === undefined ? {} : { reasoning_tokens: usage.reasoning }),
    ...(reader === undefined ? {} : { events: reader.events }),
  };
}

/** Tenths of a millisecond: enough to compare, short to store. */
function round(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}
