// SPDX-License-Identifier: Apache-2.0
// The hub: one model of a conversation request and of an answer, between all wire protocols. A codec per dialect goes to it and
// comes from it; no codec knows another. Types only. Order is kept everywhere: parts, tools, keys of schemas.

import type { DialectId, ErrorClass, StopClass, Usage } from '../dialect.ts';
import type { Loss } from './loss.ts';

/** A provider's private continuation of its own reasoning. Only its own dialect may read it; carried byte for byte. */
export interface Opaque {
  readonly dialect: DialectId;
  /**
   * `signature`: belongs to the reasoning text or tool call that it stands at (Anthropic `signature`, Gemini `thoughtSignature`);
   * `redacted`: stands in place of a text (Anthropic `redacted_thinking`); `encrypted`: a whole item (Responses `encrypted_content`).
   */
  readonly form: 'signature' | 'redacted' | 'encrypted';
  readonly data: string;
  /** The provider's id of the item, where its dialect needs it to take the item back (Responses). */
  readonly id?: string;
}

/** Bytes as base64 without line breaks, or an https URL. The agent fetches no URL; a target that needs bytes is skipped. */
export type Source =
  | { readonly kind: 'base64'; readonly mediaType: string; readonly data: string }
  | { readonly kind: 'url'; readonly url: string; readonly mediaType: string | undefined };

/** A breakpoint of a prompt cache, as the caller set it. */
export interface CacheMark {
  readonly ttl: '5m' | '1h' | undefined;
}

export interface TextPart {
  readonly kind: 'text';
  readonly text: string;
  readonly cache?: CacheMark;
}

export interface ImagePart {
  readonly kind: 'image';
  readonly source: Source;
  /** OpenAI's hint: low, high, auto ... */
  readonly detail?: string;
  readonly cache?: CacheMark;
}

export interface DocumentPart {
  readonly kind: 'document';
  readonly source: Source | { readonly kind: 'text'; readonly text: string };
  readonly name?: string;
  readonly cache?: CacheMark;
}

export interface ToolCallPart {
  readonly kind: 'tool-call';
  /** As the caller knows it. Never empty: a decoder makes one up from the position where its dialect has none. */
  readonly id: string;
  readonly name: string;
  /** JSON text exactly as it came; '' means no arguments. Never parsed and written anew on the way. */
  readonly args: string;
  readonly opaque?: Opaque;
  readonly cache?: CacheMark;
}

export interface ToolResultPart {
  readonly kind: 'tool-result';
  /** Id of the call that it answers. */
  readonly id: string;
  /** Where the dialect names the tool at its result; else decoders fill it in from the call, if that is in the request. */
  readonly name: string | undefined;
  readonly parts: readonly (TextPart | ImagePart | DocumentPart)[];
  readonly isError: boolean;
  readonly cache?: CacheMark;
}

/** `text` may be empty (hidden or redacted reasoning). */
export interface ReasoningPart {
  readonly kind: 'reasoning';
  readonly text: string;
  readonly opaque?: Opaque;
}

export interface RefusalPart {
  readonly kind: 'refusal';
  readonly text: string;
}

export type Part = TextPart | ImagePart | DocumentPart | ToolCallPart | ToolResultPart | ReasoningPart | RefusalPart;

/**
 * A turn. Tool results stand in `user` messages. `system` messages may stand anywhere (OpenAI allows it): leading ones are the
 * system prompt. Neighbours of one role are kept apart as they came; encoders merge where their dialect wants turns to alternate.
 */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly parts: readonly Part[];
  /** OpenAI's `name` of a participant. */
  readonly name?: string;
}

/** The caller's own JSON Schema object: passed on by reference, key order kept; never edited in place. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Tool {
  readonly name: string;
  readonly description: string | undefined;
  /** undefined: no parameters declared. */
  readonly parameters: JsonSchema | undefined;
  readonly strict: boolean | undefined;
  readonly cache?: CacheMark;
}

export type ToolChoice =
  | { readonly kind: 'auto' | 'none' | 'required' }
  | { readonly kind: 'tool'; readonly name: string };

export type OutputFormat =
  | { readonly kind: 'json-object' }
  | {
      readonly kind: 'json-schema';
      readonly name: string | undefined;
      readonly schema: JsonSchema;
      readonly strict: boolean | undefined;
    };

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

export interface Reasoning {
  /** At most one of the two is set; both undefined: on, the model decides how much. */
  readonly effort: ReasoningEffort | undefined;
  readonly budgetTokens: number | undefined;
  /** Does the caller want to see the reasoning (or its summary)? undefined: its dialect's default. */
  readonly visible: boolean | undefined;
}

export interface HubRequest {
  /** As the caller wrote it. The target's name is the encoder's business. */
  readonly model: string;
  readonly stream: boolean;
  /** Chat's `stream_options.include_usage`; other dialects always report usage: true. */
  readonly streamUsage: boolean;
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelTools: boolean | undefined;
  readonly output: OutputFormat | undefined;
  readonly reasoning: Reasoning | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly stop: readonly string[];
  readonly seed: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly frequencyPenalty: number | undefined;
  /** OpenAI's `prompt_cache_key` and its like: helps the provider to find its cache. */
  readonly cacheKey: string | undefined;
  /** An end user's id (`user`, `safety_identifier`, `metadata.user_id`). */
  readonly user: string | undefined;
  readonly verbosity: 'low' | 'medium' | 'high' | undefined;
}

/**
 * An answer as a sequence, the same for whole documents and streams. Order on the wire: `start`, then pieces, then `stop` and
 * `usage` in either order, once each; `error` may come anywhere and ends it.
 * Text pieces that follow each other are one text; a piece of another kind, or `part-end`, ends it.
 */
export type HubEvent =
  | { readonly kind: 'start'; readonly id: string | undefined; readonly model: string | undefined }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refusal'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  /** Belongs to the reasoning text directly before it; without one it stands for itself (redacted, encrypted, hidden). */
  | { readonly kind: 'reasoning-opaque'; readonly opaque: Opaque }
  | { readonly kind: 'part-end' }
  /** Calls may overlap: pieces of arguments carry the id. `id` is never empty and unique in the answer. */
  | { readonly kind: 'tool-start'; readonly id: string; readonly name: string; readonly opaque?: Opaque }
  | { readonly kind: 'tool-args'; readonly id: string; readonly text: string }
  | { readonly kind: 'tool-end'; readonly id: string }
  | { readonly kind: 'usage'; readonly usage: Usage }
  | { readonly kind: 'stop'; readonly stop: StopClass; readonly sequence?: string }
  | { readonly kind: 'error'; readonly class: ErrorClass; readonly code: string | undefined }
  | { readonly kind: 'loss'; readonly loss: Loss };
