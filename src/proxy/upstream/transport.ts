// SPDX-License-Identifier: Apache-2.0
// An attempt of a chain as a request on the wire: URL, headers, credential and body as the target wants them. Same-dialect requests are
// spliced, never written anew. Pure: time, tokens and the byte editor are given. Must not know routing, sockets, or how to translate.

import { OutpostError } from '../../contract/errors.ts';
import type { DialectId, Operation, Recognised } from '../dialects/dialect.ts';
import type { Quirks } from '../dialects/hub/codec.ts';
import type { RawHeaders } from '../exchange/call.ts';
import type { Provider, ProviderKey } from '../policy/policy.ts';
import { authorityOf, type UpstreamTarget } from './provider-types/address.ts';
import { PROVIDER_TYPES } from './provider-types/table.ts';
import { authorise } from './transport/authorise.ts';
import { type BodyEditor, type BodyTarget, betasInBody, fitBody } from './transport/bodies.ts';
import { isSameWire, spokenFor } from './transport/choose.ts';
import { attemptHeaders, betasAsked, betasFor } from './transport/headers.ts';
import { addressOf, filledPath, operationPath } from './transport/path.ts';

export type { BodyEditor } from './transport/bodies.ts';
export { type CallerShape, type ChosenDialect, dialectFor } from './transport/choose.ts';
export { addressOf } from './transport/path.ts';

export interface AttemptRequest {
  readonly provider: Provider;
  /** One of the provider's own. undefined: no credential at all; a call with the caller's goes by `applyCredential`. */
  readonly key: ProviderKey | undefined;
  /** As `dialectFor` chose it. */
  readonly dialect: DialectId;
  readonly operation: Operation;
  /** The provider's name for the model. */
  readonly model: string;
  readonly stream: boolean;
  /** Not compressed. The caller's bytes, or the encoded translation. */
  readonly body: Buffer;
  readonly callerDialect: DialectId;
  readonly callerHeaders: RawHeaders;
  /** Path and query as the caller sent them. Gemini's callers say in the query how a stream shall be framed. */
  readonly callerTarget: string;
  /** Wall time, milliseconds since the Unix epoch: signatures carry it. */
  readonly now: number;
  /** The bearer token of a service account's key (google-token.ts). */
  readonly token?: string;
}

export interface Outgoing {
  readonly place: UpstreamTarget;
  /** Names and values alternating, `host` among them; the sender adds the length. */
  readonly headers: string[];
  readonly body: Buffer;
  /** How the answer must be read. */
  readonly recognised: Recognised;
  /** How the frames of a streamed answer in the caller's dialect must be changed for the caller. */
  readonly reframe: 'none' | 'invoke-to-sse' | 'sse-to-invoke';
  /** The caller asked for a beta that the target is not told of. */
  readonly losesBeta: boolean;
}

/** How a host departs from a dialect that it speaks. For the codec, and for `fitQuirks` of requests that are not translated. */
export function quirksOf(provider: Provider, dialect: DialectId, model: string): Quirks {
  return spokenFor(provider, dialect, 'generate', model)?.quirks ?? {};
}

/** A Gemini stream is one JSON array unless the caller asks for events. */
function asArray(request: AttemptRequest): boolean {
  return (
    request.dialect === 'gemini' &&
    request.callerDialect === 'gemini' &&
    !/[?&]alt=sse(?:&|$)/.test(request.callerTarget)
  );
}

function placeOf(request: AttemptRequest): { readonly place: UpstreamTarget; readonly template: string } {
  const { provider, dialect, operation, model, stream } = request;
  const base = addressOf(provider);
  const spoken = spokenFor(provider, dialect, operation, model);
  const template = spoken === undefined ? undefined : operationPath(provider, spoken, operation, stream);
  if (base === undefined || template === undefined) {
    throw new OutpostError('OUT_INTERNAL', `${provider.name} has no path for ${operation} in ${dialect}`);
  }
  const filled = filledPath(provider, template, model);
  const path = `${base.basePath}${asArray(request) ? filled.replace('?alt=sse', '') : filled}`;
  return { place: { scheme: base.scheme, host: base.host, port: base.port, path }, template };
}

function reframeOf({ callerDialect, dialect, stream }: AttemptRequest): Outgoing['reframe'] {
  if (!stream || callerDialect === dialect || !isSameWire(callerDialect, dialect)) return 'none';
  return dialect === 'bedrock-invoke' ? 'invoke-to-sse' : 'sse-to-invoke';
}

/**
 * Nothing of the caller's but its body and a few header values by name reaches the target.
 * @throws OutpostError OUT_INTERNAL for what `dialectFor` or the configuration would have refused: a dialect that the provider
 * does not speak, or a key that it has no use for.
 */
export function buildRequest(request: AttemptRequest, editor: BodyEditor): Outgoing {
  const { provider, dialect, operation, model, stream, callerDialect, callerHeaders } = request;
  const { place, template } = placeOf(request);
  const target: BodyTarget = { type: provider.type, dialect, callerDialect, operation, model, stream };
  const asked = isSameWire(callerDialect, 'anthropic-messages')
    ? betasAsked(callerHeaders, betasInBody(request.body, target, editor))
    : [];
  const betas = isSameWire(dialect, 'anthropic-messages') ? betasFor(provider.type, asked) : [];
  const body = fitBody(request.body, target, betas, editor);
  const headers = attemptHeaders({
    type: provider.type,
    authority: authorityOf(place),
    dialect,
    stream,
    passesThrough: callerDialect === dialect,
    callerDialect,
    callerHeaders,
    betas,
  });
  const scheme = spokenFor(provider, dialect, operation, model)?.auth ?? PROVIDER_TYPES[provider.type].auth;
  const credential = authorise({
    provider,
    key: request.key,
    scheme,
    token: request.token,
    place,
    headers,
    body,
    now: request.now,
  });
  return {
    place,
    headers: [...headers, ...credential].flat(),
    body,
    recognised: {
      dialect,
      operation,
      pathModel: template.includes('{model}') ? model : undefined,
      pathStream: operation === 'generate' ? stream : false,
    },
    reframe: reframeOf(request),
    losesBeta: betas.length < asked.length,
  };
}
