// SPDX-License-Identifier: Apache-2.0
// The life of one call, stage by stage (ARCHITECTURE.md, "Life of a call"): place → recognise → read → decide → record → try
// → settle. Each stage takes values and hands values on; none reaches back. This is the room that knows the others.

import { OutpostError } from '../../contract/errors.ts';
import type { Recognised, RequestFacts } from '../dialects/dialect.ts';
import { decodeBody, dialectOf, loadTranslation, readUnknown, recognise } from '../dialects/index.ts';
import type { Policy, Provider, Route } from '../policy/policy.ts';
import { CREDENTIAL_HEADERS } from '../upstream/provider-types.ts';
import { sayToCall } from './answer.ts';
import { type ReadBody, readBody } from './body.ts';
import type { HandleCall, HttpCall } from './call.ts';
import { callerKeyOf } from './caller-key.ts';
import { runChain } from './chain.ts';
import { type Conversation, conversationOf } from './conversation.ts';
import type { ExchangeDeps } from './deps.ts';
import { runDuplex, wantsDuplex } from './duplex.ts';
import { header } from './edits.ts';
import { conversationMemory } from './memory.ts';
import { ownerOf } from './owner.ts';
import { AMBIGUOUS, isAmbiguous, type Placed, pathOf, place } from './place.ts';
import { isAddressed, isSealed } from './prepare.ts';
import { relay } from './relay.ts';
import { intentRow, type Subject } from './rows.ts';
import { refuse } from './settle.ts';
import { affordable, affordableRoute, ruleHeaders } from './spend.ts';
import { createTranslating, type Translating } from './translating.ts';

export function createExchange(deps: ExchangeDeps): HandleCall {
  const salt = deps.newId('req');
  return async (call) => {
    try {
      const policy = deps.policy();
      const placed = place(call, policy);
      if (call.kind === 'upgrade') {
        // Loaded on use: most machines never see a WebSocket, and what reads them is a tenth of the program.
        const { handleUpgrade } = await import('./upgrade.ts');
        await handleUpgrade(deps, call, policy, placed);
      } else await handleHttp(deps, call, policy, placed, salt);
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

async function handleHttp(
  deps: ExchangeDeps,
  call: HttpCall,
  policy: Policy,
  placed: Placed,
  salt: string,
): Promise<void> {
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
        relayed: true,
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
  const readAt = deps.clock.monotonic();
  const owner = await ownerOf(call, policy);
  const identityAt = deps.clock.monotonic();
  const { facts, decoded } = readFacts(call, placed, read, policy);
  const readFactsAt = deps.clock.monotonic();
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

  if (duplex) return directDuplex(deps, call, placed, subject, verdict.rule, startedAt);
  const named = policy.route(
    { model: facts.model, dialect: recognised?.dialect, path: pathOf(call.target), owner },
    placed.provider,
  );
  if (named.blocked !== undefined) return refuse(deps, call, subject, named.blocked, placed.provider.name);
  // What could not be read, or is no request to a model (files, lists), can go to the addressed provider only, as it comes.
  const whole = read.kind === 'whole';
  const route = await affordableRoute(
    call,
    whole && recognised !== undefined ? named : aloneAt(named, placed.provider),
    placed,
  );
  const routed = route.id !== undefined;
  const credentials = route.groups.flatMap(({ targets }) => targets.map(({ provider }) => provider.credential));
  // With one way to go nothing is said anew, asked twice or kept together: then nothing of it need be read or loaded.
  const ways = routed || credentials.some((each) => each.kind === 'keys' && each.keys.length > 1);
  const routing = deps.clock.monotonic();
  const conversation = ways ? conversationOf(facts, decoded, call.headers) : NO_CONVERSATION;
  const translating =
    !ways || recognised === undefined || decoded === undefined
      ? undefined
      : createTranslating(await loadTranslation(), {
          recognised,
          facts,
          body: decoded,
          target: call.target,
          now: deps.clock.now(),
          fresh: () => deps.newId('req').slice(4),
          sealed: isSealed(call, placed.provider),
        });
  const body = whole ? (call.hasBody || read.bytes.length > 0 ? read.bytes : undefined) : read.stream;
  await runChain({
    deps,
    call,
    subject,
    route,
    conversation,
    callerKey: routed ? callerKeyOf(call.headers, call.target, salt) : undefined,
    rule: verdict.rule,
    startedAt,
    stages: {
      body: readAt - startedAt,
      identity: identityAt - readAt,
      recognise: readFactsAt - identityAt,
      decide: routing - readFactsAt,
      route: deps.clock.monotonic() - routing,
      intent: 0,
      prepare: 0,
    },
    repeatable: () => whole && isRepeatable(recognised, translating),
    material: {
      call,
      placed,
      recognised,
      facts,
      body,
      contentLength: whole ? undefined : header(call.headers, 'content-length'),
      decoded,
      translating,
      promptTokens: conversation.promptTokens,
      factsOf: deps.models.factsOf,
      setHeaders: (target) => ruleHeaders(target, placed, CREDENTIAL_HEADERS),
      answerModel: policy.settings.answerModel,
      now: () => deps.clock.now(),
      // Named late in one turn it would not be found again in the next; asked only where something is kept or may be found.
      memory: conversationMemory(deps.state, async () => {
        const whose = owner ?? (await call.connection.ownerSettled());
        return `${whose?.uid ?? ''} ${whose?.app ?? ''}`;
      }),
      googleToken: ({ key }) => {
        if (key === undefined) throw new OutpostError('OUT_INTERNAL', 'no key');
        return deps.googleToken(key);
      },
    },
  });
}

const NO_CONVERSATION: Conversation = { key: undefined, inToolLoop: false, longCache: false, promptTokens: 0 };

/** The route's numbers with the addressed provider as the only target. */
function aloneAt(route: Route, provider: Provider): Route {
  const groups = route.groups.map((group) => ({
    ...group,
    targets: group.targets.filter((target) => isAddressed(target.provider, provider) && target.model === undefined),
  }));
  const first = groups.flatMap(({ targets }) => targets)[0] ?? {
    provider,
    model: undefined,
    route: undefined,
    weight: 1,
  };
  return { ...route, groups: [{ order: 'listed', targets: [first] }], onContextLength: [], onContentPolicy: [] };
}

/** What a provider runs or stores for itself may act twice when it is asked twice. */
function isRepeatable(recognised: Recognised | undefined, translating: Translating | undefined): boolean {
  if (recognised === undefined) return false;
  if (recognised.operation !== 'generate') return true;
  const losses = translating?.decoded().losses ?? [];
  return !losses.some(({ code }) => code === 'server-tool' || code === 'stored-state');
}

/** gRPC and its like: to the addressed provider, once, both ways at a time. */
async function directDuplex(
  deps: ExchangeDeps,
  call: HttpCall,
  placed: Extract<Placed, { kind: 'govern' }>,
  subject: Subject,
  rule: string | undefined,
  startedAt: number,
): Promise<void> {
  const target = await affordable(call, { provider: placed.provider, model: undefined, route: undefined }, placed);
  const provider = target.provider.name;
  const receipt = await deps.audit.intent(intentRow(subject, { provider, model: subject.facts?.model, rule }));
  if (receipt === 'refuse') {
    return refuse(
      deps,
      call,
      subject,
      { code: 'OUT_AUDIT_UNAVAILABLE', rule: undefined, message: undefined },
      provider,
    );
  }
  deps.counters.governed += 1;
  return runDuplex(deps, call, subject, target, ruleHeaders(target, placed, CREDENTIAL_HEADERS), startedAt);
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
