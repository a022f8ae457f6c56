// SPDX-License-Identifier: Apache-2.0
// One call's translations: its request read once into the hub, said anew for each target that speaks another dialect, and the answers
// said back. Knows no routing and no sockets.

import type { DialectId, Framing, Recognised, RequestFacts } from '../dialects/dialect.ts';
import {
  type AnswerTranslation,
  type DecodedRequest,
  type EncodedRequest,
  type EncodeTarget,
  type HubEvent,
  type HubRequest,
  isEssential,
  type Loss,
  parseShallow,
  type Translation,
} from '../dialects/index.ts';

export interface Translating {
  /** The request in the hub's words; undefined: it cannot be read, `losses` says why. */
  decoded(): DecodedRequest;
  /** For a target of another dialect. `complete` may add what the opaque state remembers. */
  encode(dialect: DialectId, target: EncodeTarget, complete?: (request: HubRequest) => HubRequest): EncodedRequest;
  answer(
    dialect: DialectId,
    encoded: EncodedRequest,
    shown: { readonly model: string; readonly observe: (event: HubEvent) => void },
  ): AnswerTranslation;
}

export interface TranslatingInput {
  readonly recognised: Recognised;
  readonly facts: RequestFacts;
  /** Decoded (not compressed). */
  readonly body: Buffer;
  /** Path and query; Gemini's query says how a stream is framed. */
  readonly target: string;
  /** Wall time, milliseconds. */
  readonly now: number;
  readonly fresh: () => string;
  /** Nothing made up could be taken out of its history again (`isSealed`), so the caller is shown no reasoning of others. */
  readonly sealed: boolean;
}

/** undefined: the caller's dialect has no codec, or the operation is none that can be translated. */
export function createTranslating(
  { codecOf, translateAnswer }: Translation,
  input: TranslatingInput,
): Translating | undefined {
  const { recognised, body } = input;
  if (recognised.operation !== 'generate') return undefined;
  const own = codecOf(recognised.dialect);
  if (own === undefined) return undefined;
  let decoded: DecodedRequest | undefined;
  const read = (): DecodedRequest => {
    decoded ??= own.decodeRequest(recognised, parseShallow(body.toString('utf8')));
    return decoded;
  };
  return {
    decoded: read,
    encode(dialect, target, complete) {
      const { request, losses } = read();
      const codec = codecOf(dialect);
      if (request === undefined || codec === undefined) return { body: {}, losses, toolNames: new Map() };
      const encoded = codec.encodeRequest(complete === undefined ? request : complete(request), target);
      return { ...encoded, losses: [...losses, ...encoded.losses] };
    },
    answer(dialect, encoded, shown) {
      const { request } = read();
      const from = codecOf(dialect);
      if (request === undefined || from === undefined) throw new Error(`no translation from ${dialect}`);
      const encoder = own.createEncoder({
        framing: callersFraming(input),
        model: shown.model,
        id: input.fresh(),
        createdAt: Math.floor(input.now / 1000),
        request,
      });
      return translateAnswer({
        from,
        to: input.sealed ? { ...own, shows: { reasoningText: false } } : own,
        encoder,
        toolNames: encoded.toolNames,
        fresh: input.fresh,
        observe: shown.observe,
      });
    },
  };
}

/** The frames in which this caller expects a stream; undefined: it wants the answer whole. */
export function callersFraming(
  input: Pick<TranslatingInput, 'recognised' | 'facts' | 'target'>,
): Exclude<Framing, 'json'> | undefined {
  if (!input.facts.stream) return undefined;
  switch (input.recognised.dialect) {
    case 'gemini':
      return /[?&]alt=sse(?:&|$)/.test(input.target) ? 'sse' : 'json-array';
    case 'bedrock-converse':
    case 'bedrock-invoke':
      return 'aws-event-stream';
    case 'ollama':
      return 'ndjson';
    default:
      return 'sse';
  }
}

/** Codes of losses, each once, essential ones first. */
export function lossCodes(losses: readonly Loss[]): readonly string[] {
  const codes = new Set<string>();
  for (const loss of losses) if (isEssential(loss)) codes.add(loss.code);
  for (const loss of losses) codes.add(loss.code);
  return [...codes];
}
