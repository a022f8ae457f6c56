// SPDX-License-Identifier: Apache-2.0
// The life of one call, stage by stage (ARCHITECTURE.md, "Life of a call"): place → recognise → read → decide → record → try
// → settle. Each stage takes values and hands values on; none reaches back. This is the room that knows the others.

import type { Recognised, RequestFacts } from '../dialects/dialect.ts';
import { decodeBody, dialectOf, readUnknown, recognise, spliceModel } from '../dialects/index.ts';
import type { HostDecision, Policy, Provider, Target } from '../policy/policy.ts';
import { applyCredential, CREDENTIAL_HEADERS, upstreamTarget } from '../upstream/provider-types.ts';
import { sayToCall, whoAnswered } from './answer.ts';
import { type AttemptResult, runAttempt } from './attempt.ts';
import { type ReadBody, readBody } from './body.ts';
import type { HandleCall, HttpCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { runDuplex, wantsDuplex } from './duplex.ts';
import { answerHeaders, header, requestHeaders } from './edits.ts';
import { ownerOf } from './owner.ts';
import { AMBIGUOUS, hostHeader, isAmbiguous, originOf, type Placed, pathOf, place } from './place.ts';
import { relay } from './relay.ts';
import { intentRow, type Subject } from './rows.ts';
import { refuse, settle } from './settle.ts';
import { affordable, ruleHeaders } from './spend.ts';
import { handleUpgrade } from './upgrade.ts';

export function createExchange(deps: ExchangeDeps): HandleCall {
  return async (call) => {
    try {
      const policy = deps.policy();
      const placed = place(call, policy);
      if (call.kind === 'upgrade') await handleUpgrade(deps, call, policy, placed);
      else await handleHttp(deps, call, policy, placed);
    } catch (error) {
      const request = deps.newId('req');
      deps.log.error('exchange-defect', {
        request,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      if (call.kind === 'http') sayToCall(call, { code: 'OUT_INTERNAL', request }, undefined);
      else call.socket.destroy();
    }
  };
}

async function handleHttp(deps: ExchangeDeps, call: HttpCall, policy: Policy, placed: Placed): Promise<void> {
  const request = deps.newId('req');
  if (placed.kind === 'no-provider') return sayToCall(call, { code: 'OUT_UNKNOWN_PROVIDER', request }, undefined);
  const startedAt = deps.clock.monotonic();

  const recognised =
    placed.kind === 'govern'
      ? placed.recognised
      : recognise({
          method: call.method,
          host: placed.host,
          providerType: placed.provider.type,
          path: pathOf(call.target),
        });
  const decision = deps.newId('dec');
  const subjectBase = { request, decision, call, policy, host: placed.host, recognised, protocol: call.protocol };

  if (isAmbiguous(call, policy)) {
    const owner = await ownerOf(call, policy);
    // What it is cannot be said either: the row claims no dialect.
    const nothing = { recognised: undefined, facts: undefined, operation: undefined, requestBytes: undefined };
    const why = { code: 'OUT_BAD_REQUEST', rule: undefined, message: AMBIGUOUS } as const;
    return refuse(deps, call, { ...subjectBase, ...nothing, owner }, why, placed.provider.name);
  }
  if (placed.kind !== 'govern') {
    const owner = await ownerOf(call, policy);
    const subject: Subject = {
      ...subjectBase,
      owner,
      facts: undefined,
      operation: recognised?.operation,
      requestBytes: undefined,
    };
    if (placed.kind === 'relay') {
      // Unread and unrecorded, but a blocked app stays blocked.
      const verdict = policy.decide({
        host: placed.host,
        provider: placed.provider,
        model: undefined,
        modelKnown: true,
        owner,
      });
      if (verdict.action === 'block') return refuse(deps, call, subject, verdict, placed.provider.name);
      return relay(deps, call, policy, placed, request);
    }
    return refuse(
      deps,
      call,
      subject,
      { code: 'OUT_BLOCKED_HOST', rule: placed.rule, message: undefined },
      placed.provider.name,
    );
  }
  const duplex = wantsDuplex(call);
  const read: ReadBody = duplex
    ? { kind: 'stream', stream: call.body }
    : await readBody(call.body, policy.settings.limits.inspectBodyBytes, declaredLength(call));
  if (read.kind === 'gone') return;
  const owner = await ownerOf(call, policy);
  const { facts, decoded } = readFacts(call, placed, read, policy);
  const subject: Subject = {
    ...subjectBase,
    owner,
    facts,
    operation: recognised?.operation,
    requestBytes: read.kind === 'whole' ? read.bytes.length : declaredLength(call),
  };

  const verdict = policy.decide({
    host: placed.host,
    provider: placed.provider,
    model: facts.model,
    otherModel: facts.otherModel,
    modelKnown: !placed.inference || !call.hasBody || namesModel(facts, recognised),
    owner,
  });
  if (verdict.action === 'block') {
    const about = { ...subject, facts: { ...facts, model: verdict.model ?? facts.model } };
    return refuse(deps, call, about, verdict, placed.provider.name);
  }

  const routed = duplex ? direct(placed.provider) : policy.route(facts.model, placed.provider);
  // A model in the path cannot be replaced by a splice of the body: such a route is not taken.
  const applicable = routed.model === undefined || routed.model === facts.model || facts.modelSpan !== undefined;
  const target = await affordable(call, applicable ? routed : direct(placed.provider), placed);
  const set = ruleHeaders(target, placed, CREDENTIAL_HEADERS);
  const receipt = await deps.audit.intent(
    intentRow(subject, {
      provider: target.provider.name,
      model: target.model ?? facts.model,
      rule: verdict.rule ?? target.route,
    }),
  );
  if (receipt === 'refuse') {
    return refuse(
      deps,
      call,
      subject,
      { code: 'OUT_AUDIT_UNAVAILABLE', rule: undefined, message: undefined },
      target.provider.name,
    );
  }
  deps.counters.governed += 1;
  if (duplex) return runDuplex(deps, call, subject, target, set, startedAt);

  const body = bodyFor(call, read, decoded, facts, target);
  const upstream = send(deps, call, policy, placed, target, set, body, facts, recognised, request);
  const result = await upstream.result;
  settle(deps, call, subject, target, upstream.origin, result, startedAt);
}

function direct(provider: Provider): Target {
  return { provider, model: undefined, route: undefined };
}

/** A generating call without a model (a stored prompt names it) is as unknown as one that cannot be read. */
function namesModel(facts: RequestFacts, recognised: Recognised | undefined): boolean {
  return facts.model !== undefined || (facts.understood && recognised?.operation !== 'generate');
}

function declaredLength(call: HttpCall): number | undefined {
  const text = header(call.headers, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Stage 3: what the body says. `decoded` is the body without its content coding, where it could be decoded. */
function readFacts(
  call: HttpCall,
  placed: Extract<Placed, { kind: 'govern' }>,
  read: Exclude<ReadBody, { kind: 'gone' }>,
  policy: Policy,
): { facts: RequestFacts; decoded: Buffer | undefined } {
  const coding = header(call.headers, 'content-encoding') ?? 'identity';
  const decoded =
    read.kind === 'whole' ? decodeBody(read.bytes, coding, policy.settings.limits.inspectBodyBytes) : undefined;
  const { recognised, address } = placed;
  const facts =
    recognised === undefined
      ? readUnknown(decoded, header(call.headers, 'content-type'), address)
      : dialectOf(recognised.dialect).readRequest(recognised, decoded);
  return { facts, decoded };
}

/** The caller's bytes; with a routed model, the same bytes but for the model's string. */
function bodyFor(
  call: HttpCall,
  read: Exclude<ReadBody, { kind: 'gone' }>,
  decoded: Buffer | undefined,
  facts: RequestFacts,
  target: Target,
): { readonly content: Buffer | HttpCall['body'] | undefined; readonly recoded: boolean } {
  if (read.kind === 'stream') return { content: read.stream, recoded: false };
  if (
    target.model !== undefined &&
    target.model !== facts.model &&
    facts.modelSpan !== undefined &&
    decoded !== undefined
  ) {
    return { content: spliceModel(decoded, facts.modelSpan, target.model), recoded: decoded !== read.bytes };
  }
  // A body of zero bytes with a declared length stays a body (POST); none at all stays none (GET).
  return { content: call.hasBody || read.bytes.length > 0 ? read.bytes : undefined, recoded: false };
}

function send(
  deps: ExchangeDeps,
  call: HttpCall,
  policy: Policy,
  placed: Extract<Placed, { kind: 'govern' }>,
  target: Target,
  set: HostDecision['setHeaders'],
  body: ReturnType<typeof bodyFor>,
  facts: RequestFacts,
  recognised: Recognised | undefined,
  request: string,
): { readonly origin: string; readonly result: Promise<AttemptResult> } {
  const place = upstreamTarget(target.provider, { ...call, sourceType: placed.provider.type });
  const signed = applyCredential(target.provider, call.headers, place.path);
  const origin = originOf(place);
  const { settings } = policy;
  const streamed = body.content !== undefined && !Buffer.isBuffer(body.content);
  const headers = requestHeaders(signed.headers, {
    host: hostHeader(place),
    set,
    contentLength: streamed ? header(call.headers, 'content-length') : undefined,
  });
  const said = whoAnswered(request, target.provider.name, target.model ?? facts.model);
  const result = runAttempt({
    pool: deps.pools.pool(origin),
    method: call.method,
    path: signed.target,
    headers: body.recoded ? withoutHeader(headers, 'content-encoding') : headers,
    body: body.content,
    reader:
      recognised === undefined
        ? undefined
        : (head) => dialectOf(recognised.dialect).readAnswer(recognised, facts, head),
    reply: call.reply,
    answerHeaders: (raw) => answerHeaders(raw, said),
    gone: call.gone,
    clock: deps.clock,
    timeouts: {
      firstContent: facts.stream ? settings.timeouts.firstContent : settings.timeouts.total,
      idle: settings.timeouts.idle,
    },
    hold: {
      events: settings.limits.holdEvents,
      bytes: settings.limits.holdBytes,
      jsonBytes: settings.limits.holdJsonBytes,
    },
  });
  return { origin, result };
}

function withoutHeader(headers: readonly string[], name: string): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) out.push(headers[i] as string, headers[i + 1] as string);
  }
  return out;
}
