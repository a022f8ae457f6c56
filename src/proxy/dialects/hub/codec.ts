// SPDX-License-Identifier: Apache-2.0
// What a dialect implements to take part in translation: from its wire to the hub and back, requests and answers, whole and
// streamed. Types only. All of it is pure and never throws, whatever the bytes say.

import type { DialectId, Framing, Recognised } from '../dialect.ts';
import type { HubEvent, HubRequest } from './hub.ts';
import type { Loss } from './loss.ts';

export type DecodedRequest =
  | { readonly request: HubRequest; readonly losses: readonly Loss[] }
  /** Not a conversation of this dialect; `losses` says why and has at least one essential entry. */
  | { readonly request: undefined; readonly losses: readonly Loss[] };

/** What is known of the model that a request is written for. undefined: not known, then nothing is assumed missing. */
export interface ModelFacts {
  readonly contextTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly images: boolean | undefined;
  readonly documents: boolean | undefined;
  readonly tools: boolean | undefined;
  readonly reasoning: boolean | undefined;
  readonly jsonSchema: boolean | undefined;
  /** False: sampling parameters are refused (OpenAI's reasoning models). */
  readonly temperature: boolean | undefined;
}

/** How a host departs from its dialect. Data of the provider type; the same table serves splices of untranslated requests. */
export interface Quirks {
  /** Chat: which of the two names the host takes. Default `max_completion_tokens`. */
  readonly maxTokensKey?: 'max_tokens' | 'max_completion_tokens';
  /** Chat: what a system message is called. Default `system`. */
  readonly systemRole?: 'system' | 'developer';
  /** Tool-call ids must be nine letters or digits (Mistral). */
  readonly shortToolIds?: true;
  /** What the host makes of a JSON schema. Default `native`. `json-object`: only JSON mode, `none`: nothing. */
  readonly jsonSchema?: 'native' | 'json-object' | 'none';
  /** The host refuses `strict` in tools. */
  readonly noStrictTools?: true;
  /** The host refuses `stream_options`. */
  readonly noStreamOptions?: true;
  /** The host refuses `parallel_tool_calls`. */
  readonly noParallelTools?: true;
  /** What "some tool must be called" is called. Default `required`. */
  readonly toolChoiceRequired?: 'required' | 'any';
  /** Chat: the member of a message in which reasoning travels, in requests. Default: it does not. */
  readonly reasoningKey?: 'reasoning_content' | 'reasoning';
  /** Anthropic: the host does not load tools on demand. */
  readonly loadsNoTools?: true;
  /** Anthropic: the host fetches nothing, so images and documents by URL are refused. */
  readonly noUrls?: true;
  /**
   * Anthropic: members of `output_config`, of tools, and of cache marks, that the host refuses, with the first version of Claude for
   * which it takes them (4.05 is 4.5; Infinity: for none). Dropped with their loss.
   */
  readonly configMembers?: Readonly<Record<string, number>>;
  readonly toolMembers?: Readonly<Record<string, number>>;
  readonly cacheMembers?: Readonly<Record<string, number>>;
  /** Top-level members that the host refuses. Dropped with their loss. */
  readonly refuses?: readonly string[];
  /** Members that the host calls otherwise: ours to its. */
  readonly renames?: Readonly<Record<string, string>>;
}

export interface EncodeTarget {
  readonly model: string;
  readonly facts: ModelFacts;
  readonly quirks: Quirks;
  /** Max output tokens where the dialect needs a number and the caller gave none; at most the model's own limit. */
  readonly defaultMaxTokens: number;
  /** Continue this dialect's opaque reasoning: true only where the target is the provider that made it. */
  readonly mayUseOpaque: boolean;
}

export interface EncodedRequest {
  /** The whole document, ready for JSON.stringify. Key order is part of it (prompt caches). Model and stream flags included where the dialect's body has them. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly losses: readonly Loss[];
  /** Tool names as the target sees them to those of the caller, where they had to be changed. */
  readonly toolNames: ReadonlyMap<string, string>;
}

/** Turns a provider's 2xx answer into hub events. One per answer. */
export interface AnswerDecoder {
  /** One streamed event, parsed; `name` is the framing's event name, else ''. */
  event(value: unknown, name: string): readonly HubEvent[];
  /** A whole answer. */
  document(value: unknown): readonly HubEvent[];
  /** The stream ended in good order (after `[DONE]` or the end of the body): what was still open is closed. */
  end(): readonly HubEvent[];
}

export interface EncoderOptions {
  /** undefined: a whole document. */
  readonly framing: Exclude<Framing, 'json'> | undefined;
  /** What `model` says to the caller: the name that it asked for. */
  readonly model: string;
  /** The answer's id, random, at most 48 characters of [A-Za-z0-9_-]; the encoder adds its dialect's prefix. */
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** What was asked, for dialects that repeat some of it in the answer, and for `streamUsage`. */
  readonly request: HubRequest;
}

/**
 * Turns hub events into the caller's bytes. One per answer. The ids in `tool-start` are fit for every dialect by now
 * (hub/tool-ids.ts). Reasoning without a form in this dialect is left out: whoever drives the encoder has counted the loss.
 */
export interface AnswerEncoder {
  readonly contentType: string;
  /** Bytes of a stream; for whole documents an empty buffer until `end`. */
  push(event: HubEvent): Buffer;
  /** The end in good order: terminal events, or the whole document. Not called after an `error`. */
  end(): Buffer;
}

export interface Codec {
  readonly dialect: DialectId;
  /** Which reasoning this dialect's answers can show: text, its own opaque form, both or neither. */
  readonly shows: { readonly reasoningText: boolean };
  decodeRequest(recognised: Recognised, body: unknown): DecodedRequest;
  encodeRequest(request: HubRequest, target: EncodeTarget): EncodedRequest;
  createDecoder(): AnswerDecoder;
  createEncoder(options: EncoderOptions): AnswerEncoder;
}
