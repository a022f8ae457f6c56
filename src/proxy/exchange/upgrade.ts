// SPDX-License-Identifier: Apache-2.0
// The life of one WebSocket: the same stages as an HTTP call for the handshake, then, where the dialect is known (OpenAI
// Responses), for every answer that a message asks for. Bytes are never changed, so a route cannot change the model here.

import type { ErrorCode } from '../../contract/errors.ts';
import { recogniseUpgrade } from '../dialects/index.ts';
import type { Policy } from '../policy/policy.ts';
import { applyCredential, CREDENTIAL_HEADERS, upstreamTarget } from '../upstream/provider-types.ts';
import { sayToSocket, whoAnswered } from './answer.ts';
import type { UpgradeCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { header, upgradeHeaders } from './edits.ts';
import { inspectResponses } from './inspect-responses.ts';
import { ownerOf } from './owner.ts';
import { AMBIGUOUS, hostHeader, isAmbiguous, originOf, type Placed, pathOf } from './place.ts';
import { intentRow, outcomeRow, refusalRow, type Subject } from './rows.ts';
import { affordable, ruleHeaders } from './spend.ts';
import { relayWebSocket } from './websocket/relay.ts';
import { RELAY_LIMITS } from './websocket/types.ts';

/** Never rejects but for defects; the socket is answered or destroyed. */
export async function handleUpgrade(
  deps: ExchangeDeps,
  call: UpgradeCall,
  policy: Policy,
  placed: Placed,
): Promise<void> {
  const request = deps.newId('req');
  const decision = deps.newId('dec');
  const say = (code: ErrorCode, message?: string): void =>
    sayToSocket(call.socket, { code, message, request, decision }, recognised, deps.clock);
  if (placed.kind === 'no-provider')
    return sayToSocket(call.socket, { code: 'OUT_UNKNOWN_PROVIDER', request }, undefined, deps.clock);
  const addressed = upstreamTarget(placed.provider, call);
  const recognised = recogniseUpgrade({
    method: call.method,
    host: placed.host,
    providerType: placed.provider.type,
    path: pathOf(call.entrance === 'gateway' ? addressed.path : call.target),
  });
  if (call.upgrade !== 'websocket' || header(call.headers, 'sec-websocket-key') === undefined) {
    return say('OUT_UPGRADE_REFUSED', 'Only WebSocket upgrades are supported here.');
  }
  const startedAt = deps.clock.monotonic();
  const subject: Subject = {
    request,
    decision,
    call,
    policy,
    host: placed.host,
    owner: await ownerOf(call, policy),
    recognised,
    facts: undefined,
    operation: 'connect',
    protocol: 'websocket',
    requestBytes: undefined,
  };
  const refuse = (code: ErrorCode, rule: string | undefined, message: string | undefined): void => {
    deps.counters.blocked += 1;
    deps.audit.refusal(refusalRow(subject, { code, rule, provider: placed.provider.name }));
    say(code, message);
  };
  if (isAmbiguous(call, policy)) return refuse('OUT_BAD_REQUEST', undefined, AMBIGUOUS);
  if (placed.kind === 'blocked') return refuse('OUT_BLOCKED_HOST', placed.rule, undefined);
  const target = await affordable(call, { provider: placed.provider, model: undefined, route: undefined }, placed);
  const recorded = placed.kind === 'govern';
  if (!recorded) {
    const verdict = policy.decide({
      host: placed.host,
      provider: placed.provider,
      model: undefined,
      modelKnown: true,
      owner: subject.owner,
      relayed: true,
    });
    if (verdict.action === 'block') return refuse(verdict.code, verdict.rule, verdict.message);
    deps.counters.relayed += 1;
  } else {
    // Where messages are read, they name the model; elsewhere only the query can (Realtime).
    const query = new URLSearchParams(call.target.slice(pathOf(call.target).length + 1));
    const [model, otherModel, third] = [...new Set(query.getAll('model'))];
    const verdict = policy.decide({
      host: placed.host,
      provider: placed.provider,
      model,
      otherModel,
      modelKnown: third === undefined && (recognised !== undefined || model !== undefined || !placed.inference),
      owner: subject.owner,
    });
    if (verdict.action === 'block') return refuse(verdict.code, verdict.rule, verdict.message);
    const receipt = await deps.audit.intent(
      intentRow(subject, { provider: target.provider.name, model: undefined, rule: verdict.rule }),
    );
    if (receipt === 'refuse') return refuse('OUT_AUDIT_UNAVAILABLE', undefined, undefined);
    deps.counters.governed += 1;
  }

  const signed = applyCredential(target.provider, call.headers, addressed.path);
  const inspection = recorded && recognised !== undefined ? inspectResponses(deps, subject, target) : undefined;
  const result = await relayWebSocket({
    client: call.socket,
    early: call.early,
    head: {
      method: call.method,
      target: signed.target,
      headers: upgradeHeaders(signed.headers, {
        host: hostHeader(addressed),
        set: ruleHeaders(target, placed, CREDENTIAL_HEADERS),
      }),
    },
    dial: () => deps.dial(originOf(addressed), call.gone),
    answerHeaders: recorded ? whoAnswered({ request, provider: target.provider.name, model: undefined }) : [],
    ...(inspection === undefined ? {} : { inspect: inspection.inspector }),
    gone: call.gone,
    clock: deps.clock,
    limits: RELAY_LIMITS,
  });
  const cancelled = call.gone.aborted && !result.answered;
  if (!result.answered) {
    if (cancelled) call.socket.destroy();
    else say(result.error?.code ?? 'OUT_UPSTREAM_BROKEN');
  }
  // Not `gone`: by now the client's socket has been closed in every case, whoever began.
  inspection?.close(result.closedBy === 'client' || result.closedBy === 'refused');
  if (!recorded) return;
  const ended = result.upgraded && result.closeCode !== undefined;
  deps.audit.outcome(
    outcomeRow({
      request,
      result: cancelled
        ? 'cancelled'
        : !result.upgraded
          ? 'failed'
          : ended
            ? 'complete'
            : result.closedBy === 'client'
              ? 'cancelled'
              : 'broken',
      provider: target.provider.name,
      error: result.error?.code ?? (result.closedBy === 'refused' ? 'OUT_BLOCKED_MODEL' : undefined),
      status: result.status === 0 ? undefined : result.status,
      reader: undefined,
      upstreamRequestId: undefined,
      requestBytes: result.bytesUp,
      responseBytes: result.bytesDown,
      firstContentMs: undefined,
      totalMs: deps.clock.monotonic() - startedAt,
      upstreamTls: undefined,
    }),
  );
}
