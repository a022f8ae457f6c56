// SPDX-License-Identifier: Apache-2.0
// The words of the room: what a wire protocol ("dialect") can tell us about a request and an answer without changing a byte
// of it. Pure: no sockets, no clock, no policy. One folder a dialect implements these; `recognise.ts` chooses.

export type DialectId =
  | 'openai-chat'
  | 'openai-responses'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'anthropic-messages'
  | 'gemini'
  | 'bedrock-converse'
  | 'bedrock-invoke'
  | 'cohere-chat'
  | 'cohere-embed'
  | 'ollama';

/** 'generate' answers with model output; the others are governed and recorded but have no content events. */
export type Operation = 'generate' | 'count-tokens' | 'embed';

/** How a streamed answer is framed on the wire. 'json' = not streamed. */
export type Framing = 'json' | 'sse' | 'ndjson' | 'aws-event-stream' | 'json-array';

export interface Recognised {
  readonly dialect: DialectId;
  readonly operation: Operation;
  /** Model named by the path (Gemini, Vertex, Bedrock, Azure deployments), percent-decoded. */
  readonly pathModel: string | undefined;
  /** Whether the path alone decides about streaming (Gemini, Bedrock); undefined: the body says. */
  readonly pathStream: boolean | undefined;
  /** OpenAI's dialects at Google: the body may say `models/NAME` for NAME. At other hosts that is a name of its own. */
  readonly resourceNames?: true;
}

/** A piece of text that a person or tool wrote, found in the body. Offsets are bytes into the (decoded) body. */
export interface TextSpan {
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'other';
  /** JSON pointer of the string. */
  readonly pointer: string;
  /** Byte offsets of the JSON string literal, quotes included. */
  readonly start: number;
  readonly end: number;
}

export interface RequestFacts {
  /** False: the body is not what the dialect expects. Recorded as "not understood", never an error. */
  readonly understood: boolean;
  readonly model: string | undefined;
  /**
   * A second, different model that the request names (path and body, `model` twice, `Model`): which one counts is the provider's
   * choice, so rules must hold for both. More than two: `model` is undefined and the request not understood.
   */
  readonly otherModel: string | undefined;
  readonly stream: boolean;
  readonly messageCount: number | undefined;
  /** Names of the tools that the caller offers; at most 256, each at most 128 characters. */
  readonly toolNames: readonly string[];
  /** Byte range of the model's JSON string literal in the body (quotes included), for the splice; undefined: path or absent. */
  readonly modelSpan: { readonly start: number; readonly end: number } | undefined;
  /** Found on demand: guardrails need them, metering does not. */
  textSpans(): readonly TextSpan[];
}

export interface Usage {
  /** All input tokens, cached ones included. */
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly cacheRead: number | undefined;
  readonly cacheWrite: number | undefined;
  readonly reasoning: number | undefined;
}

/** Whose fault an error answer is; the failure classes of routing are built from these and the status. */
export type ErrorClass =
  | 'invalid-request'
  | 'authentication'
  | 'permission'
  | 'not-found'
  | 'model-not-found'
  | 'context-length'
  | 'content-policy'
  | 'rate-limit'
  | 'quota'
  | 'overloaded'
  | 'server'
  | 'unknown';

export type StopClass = 'stop' | 'length' | 'tool-use' | 'content-filter' | 'refusal' | 'pause' | 'error' | 'other';

export interface AnswerFacts {
  /** False: something came that is not of this dialect or was too large to read. Then an early end proves nothing. */
  readonly understood: boolean;
  /** Model that the provider says it used. */
  readonly model: string | undefined;
  /** The provider's own id of the answer (`id`, `responseId` ...). */
  readonly responseId: string | undefined;
  readonly usage: Usage;
  readonly stop: StopClass | undefined;
  /** The stop reason in the provider's word. */
  readonly stopRaw: string | undefined;
  readonly error:
    | {
        readonly class: ErrorClass;
        readonly code: string | undefined;
        /** Milliseconds until another try makes sense, where the body says so. */
        readonly retryAfterMs?: number;
      }
    | undefined;
}

/**
 * Where an answer stands. `holding`: only lifecycle events so far; `content`: the first text, reasoning, tool-call or refusal
 * piece, or a terminal event with a normal stop, has come; `failed`: an error came before content; `done`: the terminal event
 * of the dialect was seen (a clean end of the socket before this is a truncation, if the answer was understood). An error event
 * after content is such an end too: `done`, with `error` in the facts.
 */
export type AnswerPhase = 'holding' | 'content' | 'failed' | 'done';

/** Reads an answer as it passes. Fed with decoded (not compressed) bytes, in any slicing. Never throws. */
export interface AnswerReader {
  readonly framing: Framing;
  readonly phase: AnswerPhase;
  /** Was a content event seen at all (stays true in `done`)? */
  readonly contentSeen: boolean;
  /** Events seen so far (streams), lifecycle ones included. */
  readonly events: number;
  /** Generated pieces seen so far: an estimate of output tokens when a stream breaks before usage came. */
  readonly deltas: number;
  push(chunk: Uint8Array): void;
  /** The body ended. For JSON the whole document is read here. After it `phase` is `done`, `failed`, or the end was early. */
  end(): void;
  facts(): AnswerFacts;
}

export interface AnswerHead {
  readonly status: number;
  /** Lower-case media type without parameters; '' when absent. */
  readonly contentType: string;
  /** A header by lower-case name. Bedrock tells usage and error types by header only. */
  readonly header?: (name: string) => string | undefined;
  /** Is shown each parsed piece of a 2xx answer as well, so that a translation need not parse it again. */
  readonly watch?: AnswerWatch;
}

export interface AnswerWatch {
  /** One event of a stream; `name` is the framing's event name, else ''. */
  event(value: unknown, name: string): void;
  /** A whole answer. */
  document(value: unknown): void;
}

/** What a refusal or failure is made of; each dialect shapes it in its own way. Texts come from the error catalogue. */
export interface NativeError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly class: ErrorClass;
}

export interface NativeErrorAnswer {
  readonly contentType: string;
  /** Further headers that the dialect's SDKs read (e.g. x-amzn-errortype). */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export interface Dialect {
  readonly id: DialectId;
  /** `body` is decoded (not compressed); undefined: too large or undecodable, then only the path speaks. */
  readRequest(recognised: Recognised, body: Buffer | undefined): RequestFacts;
  readAnswer(recognised: Recognised, facts: RequestFacts, head: AnswerHead): AnswerReader;
  /** A whole error answer. */
  errorAnswer(error: NativeError): NativeErrorAnswer;
  /** The bytes of an in-band error for a stream that has begun; empty where the framing has no such event. */
  streamError(framing: Framing, error: NativeError): Buffer;
}
