// SPDX-License-Identifier: Apache-2.0
// Governs and records each answer that is asked for on a Responses WebSocket, as if it were its own HTTP call: decided and
// recorded before its message is forwarded, settled when its terminal event passes.

import { OutpostError } from '../../contract/errors.ts';
import type { AnswerReader, RequestFacts } from '../dialects/dialect.ts';
import { createFrameReader, errorFrame, laneOf, readClientFrame } from '../dialects/openai-responses/frames.ts';
import type { BlockCode, Target } from '../policy/policy.ts';
import { nativeError } from './answer.ts';
import type { ExchangeDeps } from './deps.ts';
import { intentRow, outcomeRow, refusalRow, type Subject } from './rows.ts';
import type { Inspector, MessageVerdict } from './websocket/types.ts';

interface Asked {
  readonly request: string;
  readonly reader: AnswerReader;
  readonly startedAt: number;
  readonly requestBytes: number;
  firstContentAt: number | undefined;
  responseBytes: number;
}

export interface Inspection {
  readonly inspector: Inspector;
  /** Settles what is still open once the socket has ended. */
  close(byClient: boolean): void;
}

/** Answers asked for and not yet ended on one socket; more is a client that does not listen. */
const MAX_OPEN = 64;

export function inspectResponses(deps: ExchangeDeps, socket: Subject, target: Target): Inspection {
  /** Per lane, oldest first: the server answers in order. */
  const lanes = new Map<string, Asked[]>();
  let open = 0;

  function settle(asked: Asked, result: 'complete' | 'failed' | 'broken' | 'cancelled', error?: OutpostError): void {
    open -= 1;
    if (result === 'failed' || result === 'broken') deps.counters.failed += 1;
    if (result === 'cancelled') deps.counters.cancelled += 1;
    deps.audit.outcome(
      outcomeRow({
        request: asked.request,
        result,
        provider: target.provider.name,
        error: error?.code,
        status: undefined,
        reader: asked.reader,
        upstreamRequestId: undefined,
        requestBytes: asked.requestBytes,
        responseBytes: asked.responseBytes,
        firstContentMs: asked.firstContentAt === undefined ? undefined : asked.firstContentAt - asked.startedAt,
        totalMs: deps.clock.monotonic() - asked.startedAt,
        upstreamTls: undefined,
      }),
    );
  }

  async function ask(
    facts: RequestFacts | undefined,
    bytes: number,
    lane: string | undefined,
  ): Promise<MessageVerdict> {
    const subject: Subject = {
      ...socket,
      request: deps.newId('req'),
      decision: deps.newId('dec'),
      facts,
      operation: 'generate',
      requestBytes: bytes,
    };
    const refuse = (
      code: BlockCode | 'OUT_AUDIT_UNAVAILABLE',
      rule?: string,
      message?: string,
      model = facts?.model,
    ): MessageVerdict => {
      deps.counters.blocked += 1;
      const about = facts === undefined ? subject : { ...subject, facts: { ...facts, model } };
      deps.audit.refusal(refusalRow(about, { code, rule, provider: target.provider.name }));
      const said = nativeError({ code, message, request: subject.request, decision: subject.decision });
      return { refuse: errorFrame(said, lane).toString('utf8'), reason: subject.decision };
    };
    const verdict = subject.policy.decide({
      host: subject.host,
      provider: target.provider,
      model: facts?.model,
      otherModel: facts?.otherModel,
      modelKnown: facts?.understood === true,
      owner: subject.owner,
    });
    if (verdict.action === 'block') return refuse(verdict.code, verdict.rule, verdict.message, verdict.model);
    if (open >= MAX_OPEN) return refuse('OUT_AUDIT_UNAVAILABLE');
    const receipt = await deps.audit.intent(
      intentRow(subject, { provider: target.provider.name, model: facts?.model, rule: verdict.rule }),
    );
    if (receipt === 'refuse') return refuse('OUT_AUDIT_UNAVAILABLE');
    deps.counters.governed += 1;
    open += 1;
    const asked: Asked = {
      request: subject.request,
      reader: createFrameReader(),
      startedAt: deps.clock.monotonic(),
      requestBytes: bytes,
      firstContentAt: undefined,
      responseBytes: 0,
    };
    const key = lane ?? '';
    lanes.set(key, [...(lanes.get(key) ?? []), asked]);
    return 'pass';
  }

  return {
    inspector: {
      async clientMessage(text) {
        const message = Buffer.from(text, 'utf8');
        const frame = readClientFrame(message);
        if (frame.kind === 'unreadable') return ask(undefined, message.length, undefined);
        if (frame.kind !== 'create') return 'pass';
        return ask(frame.facts, message.length, frame.lane);
      },
      opaqueClientMessage: (bytes) => ask(undefined, bytes, undefined),
      serverMessage(text) {
        const message = Buffer.from(text, 'utf8');
        const key = (lanes.size > 1 || !lanes.has('') ? laneOf(message) : undefined) ?? '';
        const queue = lanes.get(key);
        const asked = queue?.[0];
        if (queue === undefined || asked === undefined) return;
        asked.responseBytes += message.length;
        asked.reader.push(message);
        if (asked.firstContentAt === undefined && asked.reader.contentSeen)
          asked.firstContentAt = deps.clock.monotonic();
        const { phase } = asked.reader;
        if (phase !== 'done' && phase !== 'failed') return;
        queue.shift();
        if (queue.length === 0) lanes.delete(key);
        settle(asked, phase === 'done' ? 'complete' : 'failed');
      },
    },
    close(byClient) {
      for (const queue of lanes.values()) {
        for (const asked of queue) {
          if (byClient) settle(asked, 'cancelled');
          else settle(asked, 'broken', new OutpostError('OUT_UPSTREAM_BROKEN', 'the socket ended before the answer'));
        }
      }
      lanes.clear();
    },
  };
}
