// SPDX-License-Identifier: Apache-2.0
// Stage 5: one attempt's request, made each time from the caller's own body. Three ways: `direct` (the caller's bytes and headers, to the
// vendor that it addressed), `same` (its bytes with named edits, to another provider of its dialect), `translated`.

import type { Readable } from 'node:stream';
import type { AnswerHead, AnswerReader, DialectId, Recognised, RequestFacts } from '../dialects/dialect.ts';
import {
  type AnswerTranslation,
  bodyEditor,
  dialectOf,
  fitQuirks,
  type HubEvent,
  type HubRequest,
  isEssential,
  jsonText,
  type Loss,
  loadTranslation,
  type ModelFacts,
  spliceModel,
  withoutMadeUp,
} from '../dialects/index.ts';
import type { Provider, RouteTarget } from '../policy/policy.ts';
import type { Planned, SkipReason } from '../routing/routing.ts';
import { applyCredential, upstreamTarget } from '../upstream/provider-types.ts';
import { buildRequest, dialectFor, type Outgoing, quirksOf } from '../upstream/transport.ts';
import type { Reframe } from './attempt.ts';
import type { HttpCall } from './call.ts';
import { header, requestHeaders, withPathModel } from './edits.ts';
import { hostHeader, originOf, type Placed, pathOf } from './place.ts';
import { lossCodes, type Translating } from './translating.ts';

/** What every attempt of a call is made from. */
export interface Material {
  readonly call: HttpCall;
  readonly placed: Extract<Placed, { kind: 'govern' }>;
  readonly recognised: Recognised | undefined;
  readonly facts: RequestFacts;
  /** As the caller sent it; a stream could not be read whole and can be sent once. */
  readonly body: Buffer | Readable | undefined;
  readonly contentLength: string | undefined;
  /** Without its content coding; undefined: it could not be read. */
  readonly decoded: Buffer | undefined;
  readonly translating: Translating | undefined;
  /** Bytes of text over four. */
  readonly promptTokens: number;
  readonly factsOf: (type: string, model: string | undefined) => ModelFacts;
  /** Headers that the host's rule sets; for direct attempts only. */
  readonly setHeaders: (target: RouteTarget) => readonly (readonly [string, string])[];
  readonly answerModel: 'requested' | 'actual';
  /** Wall time, milliseconds. */
  readonly now: () => number;
  /** What a provider told of this conversation for itself alone. */
  readonly memory: ConversationMemory;
  /** A bearer token for a service account. */
  readonly googleToken: (planned: Planned) => Promise<string>;
}

export interface Prepared {
  readonly kind: 'ready';
  readonly way: 'direct' | 'same' | 'translated';
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | undefined;
  readonly dialect: DialectId | undefined;
  readonly reader: ((head: AnswerHead) => AnswerReader) | undefined;
  readonly reframe: Reframe | undefined;
  readonly translation: AnswerTranslation | undefined;
  readonly losses: readonly string[];
  /** Takes down what must be remembered of the answer. */
  readonly notes?: ConversationNotes;
}

export interface ConversationMemory {
  /** Puts what the provider is to get back into the request; undefined: there is nothing. */
  recall(provider: string, request: HubRequest): Promise<((request: HubRequest) => HubRequest) | undefined>;
  take(provider: string): ConversationNotes;
}

export interface ConversationNotes {
  readonly push: (event: HubEvent) => void;
  /** The answer was complete. */
  keep(): void;
}

export type Preparation = Prepared | { readonly kind: 'skip'; readonly why: SkipReason };

const skipped = (codes: readonly string[]): Preparation => ({ kind: 'skip', why: { kind: 'loss', codes } });

/** Does the target stand at the very address that the caller turned to? Only there may the caller's own credential go. */
export function isAddressed(target: Provider, addressed: Provider): boolean {
  return (
    target.name === addressed.name ||
    (target.type === addressed.type &&
      target.base.host === addressed.base.host &&
      target.base.port === addressed.base.port &&
      target.base.scheme === addressed.base.scheme &&
      target.base.basePath === addressed.base.basePath &&
      samePlacement(target.placement, addressed.placement))
  );
}

/** Projects and regions that stand in paths are addresses too. What the addressed side does not name, the caller's own path says. */
function samePlacement(target: Provider['placement'], addressed: Provider['placement']): boolean {
  const keys = ['region', 'project', 'location', 'apiVersion'] as const;
  return keys.every((key) => target?.[key] === undefined || target[key] === addressed?.[key]);
}

/** @throws OutpostError where a credential cannot be made (a service account's token). */
export async function prepare(material: Material, planned: Planned): Promise<Preparation> {
  const { target, key } = planned;
  const { recognised, facts } = material;
  const model = target.model ?? facts.model;
  // A signature covers the whole request, so it is made anew from what is known of it.
  const signed = key?.secret.kind === 'aws';
  const path = directTarget(material, target);
  if (isAddressed(target.provider, material.placed.provider) && !signed && path !== undefined) {
    const token = key?.secret.kind === 'google' ? await material.googleToken(planned) : undefined;
    return direct(material, planned, path, token);
  }
  if (target.provider.credential.kind === 'client') return { kind: 'skip', why: { kind: 'not-allowed' } };
  const { decoded } = material;
  if (recognised === undefined || decoded === undefined || !Buffer.isBuffer(material.body)) {
    return skipped(['not-understood']);
  }
  if (model === undefined) return skipped(['not-understood']);
  const speaks = dialectFor(target.provider, { ...recognised, path: pathOf(material.call.target) }, model);
  if (speaks === undefined) return skipped(['not-understood']);
  const limits = material.factsOf(target.provider.type, model);
  if (limits.contextTokens !== undefined && material.promptTokens > limits.contextTokens) {
    return skipped(['context-too-long']);
  }
  if (!speaks.same) return translated(material, planned, speaks.dialect, model, limits);
  const stranger = !isAddressed(target.provider, material.placed.provider);
  const misfits = stranger ? misfitsOf(material, target.provider, limits) : [];
  if (misfits.some((code) => target.without?.has(code) !== true)) return skipped(misfits);
  // Encrypted reasoning is one account's: said anew, it is left out, as are tools that the target is asked without.
  return misfits.length > 0 || (stranger && speaks.dialect === recognised.dialect && hasForeignState(material))
    ? translated(material, planned, speaks.dialect, model, limits)
    : same(material, planned, recognised, decoded, speaks.dialect, model);
}

/** What only the addressed account has, whatever host speaks its dialect. */
const ACCOUNT_BOUND: ReadonlySet<string> = new Set(['stored-state', 'file-reference', 'cached-content', 'compaction']);
/** What only the addressed kind of host runs. */
const HOST_BOUND: ReadonlySet<string> = new Set(['server-tool', 'custom-tool']);

/** Codes of what a request of the target's own dialect asks that this target cannot give. */
function misfitsOf({ translating, placed }: Material, target: Provider, limits: ModelFacts): readonly string[] {
  if (translating === undefined) return [];
  const { request, losses } = translating.decoded();
  const codes = new Set<string>();
  for (const { code } of losses) {
    if (ACCOUNT_BOUND.has(code) || (HOST_BOUND.has(code) && target.type !== placed.provider.type)) codes.add(code);
  }
  const parts = request?.messages.flatMap((message) => message.parts) ?? [];
  const inResults = parts.flatMap((part) => (part.kind === 'tool-result' ? part.parts : []));
  const has = (kind: 'image' | 'document') => [...parts, ...inResults].some((part) => part.kind === kind);
  if (limits.images === false && has('image')) codes.add('no-images');
  if (limits.documents === false && has('document')) codes.add('no-documents');
  if (limits.tools === false && (request?.tools.length ?? 0) > 0) codes.add('no-tools');
  if (limits.jsonSchema === false && request?.output?.kind === 'json-schema') codes.add('no-json-schema');
  return [...codes];
}

/** Does the history hold reasoning that only the account which made it can read? */
function hasForeignState({ translating }: Material): boolean {
  const messages = translating?.decoded().request?.messages ?? [];
  return messages.some(({ parts }) =>
    parts.some((part) => part.kind === 'reasoning' && part.opaque?.form === 'encrypted'),
  );
}

/** The caller's path and query, with the target's model where the path names it; undefined: the model stands nowhere that could be edited. */
function directTarget({ call, facts, recognised }: Material, target: RouteTarget): string | undefined {
  if (target.model === undefined || facts.modelSpan !== undefined) return call.target;
  const named = recognised?.pathModel;
  return named === undefined ? undefined : withPathModel(call.target, named, target.model);
}

/** The caller's headers and bytes; only credential, place and model are ours to change. */
function direct(material: Material, { target, key }: Planned, path: string, token: string | undefined): Prepared {
  const { call, placed, recognised, facts, decoded } = material;
  const place = upstreamTarget(target.provider, { ...call, target: path, sourceType: placed.provider.type });
  const signed = applyCredential(target.provider, call.headers, place.path, key, token);
  const named = decoded === undefined ? undefined : withModel(decoded, facts, target.model);
  const sealed = isSealed(call, target.provider);
  const edited =
    named === undefined || recognised === undefined || sealed ? named : withoutMadeUp(recognised.dialect, named);
  // What was compressed goes as it was read.
  const recoded = edited !== decoded && decoded !== material.body;
  const headers = requestHeaders(signed.headers, {
    host: hostHeader(place),
    set: material.setHeaders(target),
    contentLength: material.contentLength,
  });
  return {
    kind: 'ready',
    way: 'direct',
    origin: originOf(place),
    path: signed.target,
    headers: recoded ? withoutHeader(headers, 'content-encoding') : headers,
    body: edited === decoded ? material.body : edited,
    dialect: recognised?.dialect,
    reader:
      recognised === undefined
        ? undefined
        : (head) => dialectOf(recognised.dialect).readAnswer(recognised, facts, head),
    reframe: undefined,
    translation: undefined,
    losses: [],
  };
}

/** The caller's own credential is a signature over the body (AWS): one edited byte would make it worthless. */
export function isSealed({ headers }: Pick<HttpCall, 'headers'>, { credential }: Provider): boolean {
  return credential.kind === 'client' && header(headers, 'authorization')?.startsWith('AWS4-') === true;
}

/** The same buffer where the model is named as it shall be. */
function withModel(decoded: Buffer, { model, modelSpan }: RequestFacts, wanted: string | undefined): Buffer {
  return wanted === undefined || wanted === model || modelSpan === undefined
    ? decoded
    : spliceModel(decoded, modelSpan, wanted);
}

async function same(
  material: Material,
  planned: Planned,
  recognised: Recognised,
  decoded: Buffer,
  dialect: DialectId,
  model: string,
): Promise<Preparation> {
  const { facts } = material;
  const { target } = planned;
  const edited = withoutMadeUp(recognised.dialect, withModel(decoded, facts, target.model));
  // Written for this very type of host: what the caller says there is its own affair.
  const fitted =
    target.provider.type === material.placed.provider.type
      ? { body: edited, losses: [] }
      : fitQuirks(edited, quirksOf(target.provider, dialect, model), model);
  const essential = fitted.losses.filter(isEssential);
  if (essential.length > 0) return skipped(lossCodes(essential));
  const outgoing = await outgoingFor(material, planned, dialect, model, fitted.body, recognised.operation);
  return {
    kind: 'ready',
    way: 'same',
    origin: originOf(outgoing.place),
    path: outgoing.place.path,
    headers: outgoing.headers,
    body: outgoing.body,
    dialect,
    // After reframing the answer is one of the caller's own dialect again.
    reader: (head) => dialectOf(recognised.dialect).readAnswer(recognised, facts, head),
    reframe: await reframeOf(outgoing.reframe),
    translation: undefined,
    losses: lossCodes(withBeta(fitted.losses, outgoing)),
  };
}

/** Where the caller names no limit and the target needs one: enough for a long answer, and within every current model's own limit. */
const DEFAULT_MAX_TOKENS = 8_192;

async function translated(
  material: Material,
  planned: Planned,
  dialect: DialectId,
  model: string,
  limits: ModelFacts,
): Promise<Preparation> {
  const { translating, facts } = material;
  if (translating === undefined) return skipped(['not-understood']);
  const { target } = planned;
  const essential = (losses: Parameters<typeof lossCodes>[0]) =>
    losses.filter((loss) => isEssential(loss) && target.without?.has(loss.code) !== true);
  const { request, losses } = translating.decoded();
  if (request === undefined || essential(losses).length > 0) return skipped(lossCodes(essential(losses)));
  const { memory } = material;
  const found = await memory.recall(target.provider.name, request);
  const encoded = translating.encode(
    dialect,
    {
      model,
      facts: limits,
      quirks: quirksOf(target.provider, dialect, model),
      defaultMaxTokens: Math.min(DEFAULT_MAX_TOKENS, limits.outputTokens ?? DEFAULT_MAX_TOKENS),
      mayUseOpaque: found !== undefined,
    },
    found,
  );
  if (essential(encoded.losses).length > 0) return skipped(lossCodes(essential(encoded.losses)));
  const text = jsonText(encoded.body);
  if (text === undefined) return skipped(['not-understood']);
  const outgoing = await outgoingFor(material, planned, dialect, model, Buffer.from(text), 'generate');
  const notes = memory.take(target.provider.name);
  const shown = material.answerModel === 'actual' ? model : (facts.model ?? model);
  const { recognised } = outgoing;
  return {
    kind: 'ready',
    way: 'translated',
    origin: originOf(outgoing.place),
    path: outgoing.place.path,
    headers: outgoing.headers,
    body: outgoing.body,
    dialect,
    reader: (head) => dialectOf(recognised.dialect).readAnswer(recognised, facts, head),
    reframe: undefined,
    translation: translating.answer(dialect, encoded, { model: shown, observe: notes.push }),
    notes,
    losses: lossCodes(withBeta(encoded.losses, outgoing)),
  };
}

function withBeta(losses: readonly Loss[], { losesBeta }: Outgoing): readonly Loss[] {
  return losesBeta ? [...losses, { code: 'beta', at: '/anthropic-beta' }] : losses;
}

async function outgoingFor(
  material: Material,
  planned: Planned,
  dialect: DialectId,
  model: string,
  body: Buffer,
  operation: Recognised['operation'],
): Promise<Outgoing> {
  const { target, key } = planned;
  const token = key?.secret.kind === 'google' ? await material.googleToken(planned) : undefined;
  const { call, facts, recognised } = material;
  return buildRequest(
    {
      provider: target.provider,
      key,
      dialect,
      operation,
      model,
      stream: facts.stream,
      body,
      callerDialect: recognised?.dialect ?? dialect,
      callerHeaders: call.headers,
      callerTarget: call.target,
      now: material.now(),
      ...(token === undefined ? {} : { token }),
    },
    bodyEditor,
  );
}

async function reframeOf(kind: Outgoing['reframe']): Promise<Reframe | undefined> {
  if (kind === 'none') return undefined;
  const { invokeFramesToSse, sseToInvokeFrames } = await loadTranslation();
  switch (kind) {
    case 'invoke-to-sse':
      return { contentType: 'text/event-stream', ...invokeFramesToSse() };
    case 'sse-to-invoke':
      return { contentType: 'application/vnd.amazon.eventstream', ...sseToInvokeFrames() };
  }
}

/** The targets of a chain that could ever be used for this call, so that nobody waits for one that cannot. */
export function isReachable(target: RouteTarget, addressed: Provider): boolean {
  return target.provider.credential.kind !== 'client' || isAddressed(target.provider, addressed);
}

function withoutHeader(headers: readonly string[], name: string): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) out.push(headers[i] as string, headers[i + 1] as string);
  }
  return out;
}
