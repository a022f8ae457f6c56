// SPDX-License-Identifier: Apache-2.0
// The one AnswerReader of all dialects: takes bytes, cuts them into events by framing, and lets the dialect's interpreter say what
// each event means. Owns bounds and what an end means; knows no dialect.

import type {
  AnswerFacts,
  AnswerHead,
  AnswerPhase,
  AnswerReader,
  AnswerWatch,
  Framing,
  RequestFacts,
} from '../dialect.ts';
import { AwsEventStreamParser, type AwsFrame } from '../framing/aws-event-stream.ts';
import type { EventParser, EventSink } from '../framing/framing.ts';
import { JsonArrayParser } from '../framing/json-array.ts';
import { KeptBytes } from '../framing/kept-bytes.ts';
import { NdjsonParser } from '../framing/ndjson.ts';
import { SseParser } from '../framing/sse.ts';
import { asObject, hasContent, parseValue } from '../json/values.ts';
import { AnswerState } from './answer-state.ts';
import { classifyError } from './error-class.ts';

/** What a dialect makes of its events. One per answer; may have state. Never throws, whatever the value is. */
export interface Interpreter {
  /** One streamed event; false: not of this dialect. `name` is the framing's event name, else ''. */
  event(value: unknown, into: AnswerState, name: string): boolean;
  /** No generated content is asked for (embeddings, token counts), so an answer cannot lack it. */
  readonly plain?: boolean;
  /** A whole answer with a 2xx status; false: not of this dialect, or nothing in it (`AnswerState.conclude`). */
  document(value: unknown, into: AnswerState): boolean;
  /** The stream ended in good order: is what came so far a whole answer, even without the last event? */
  ended?(into: AnswerState): void;
}

/** Largest whole answer that is read, as much as the exchange holds (gateways.md 6.1). */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
/** Error bodies are small; what is longer is classified by its status alone. */
const MAX_ERROR_BYTES = 256 * 1024;

/** `streamed`: the framing of this dialect's streams where the content type does not say. */
export function createReader(
  head: AnswerHead,
  facts: RequestFacts,
  streamed: Framing,
  interpreter: Interpreter,
): AnswerReader {
  if (head.status < 200 || head.status > 299) return new ErrorReader(head);
  const framing = framingOf(head.contentType, facts.stream, streamed);
  return framing === 'json' ? new DocumentReader(head, interpreter) : new StreamReader(framing, head, interpreter);
}

function framingOf(contentType: string, stream: boolean, streamed: Framing): Framing {
  switch (contentType) {
    case 'text/event-stream':
      return 'sse';
    case 'application/vnd.amazon.eventstream':
      return 'aws-event-stream';
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      return 'ndjson';
    case 'application/json':
      // A JSON array that is streamed has this type as well, and some servers give it to their NDJSON.
      return stream && (streamed === 'json-array' || streamed === 'ndjson') ? streamed : 'json';
    case '':
    case 'text/plain':
    case 'application/octet-stream':
      return stream ? streamed : 'json';
    default:
      return 'json';
  }
}

/** The text of a whole body, without a byte order mark. */
function textOf(body: Buffer): string {
  const text = body.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** Neither an object with members nor a list that has one. */
function isNothing(value: unknown): boolean {
  return Array.isArray(value) ? !value.some(hasContent) : asObject(value) === undefined || !hasContent(value);
}

class ErrorReader implements AnswerReader {
  readonly framing = 'json';
  readonly contentSeen = false;
  readonly events = 0;
  readonly deltas = 0;
  readonly #head: AnswerHead;
  readonly #state = new AnswerState();
  readonly #body = new KeptBytes(MAX_ERROR_BYTES);
  #understood = true;

  constructor(head: AnswerHead) {
    this.#head = head;
  }

  get phase(): AnswerPhase {
    return this.#state.phase;
  }

  push(chunk: Uint8Array): void {
    this.#body.add(chunk);
  }

  end(): void {
    const value = this.#body.tooLarge ? undefined : parseValue(textOf(this.#body.take()));
    this.#understood = typeof value === 'object' && value !== null;
    this.#state.fail(classifyError(value, this.#head.status, this.#head.header?.('x-amzn-errortype')));
  }

  facts(): AnswerFacts {
    return this.#state.facts(this.#understood);
  }
}

class DocumentReader implements AnswerReader {
  readonly framing = 'json';
  readonly events = 0;
  readonly #head: AnswerHead;
  readonly #interpreter: Interpreter;
  readonly #state = new AnswerState();
  readonly #body = new KeptBytes(MAX_DOCUMENT_BYTES);
  #understood = true;

  constructor(head: AnswerHead, interpreter: Interpreter) {
    this.#head = head;
    this.#interpreter = interpreter;
  }

  get phase(): AnswerPhase {
    return this.#state.phase;
  }

  get contentSeen(): boolean {
    return this.#state.contentSeen;
  }

  get deltas(): number {
    return this.#state.deltas;
  }

  push(chunk: Uint8Array): void {
    this.#body.add(chunk);
    if (this.#body.tooLarge) {
      this.#understood = false;
      this.#state.content();
    }
  }

  end(): void {
    const { tooLarge } = this.#body;
    const text = textOf(this.#body.take());
    const value = tooLarge ? undefined : parseValue(text);
    if (value === undefined) {
      // A JSON body that breaks off is an early end. What never was JSON is no answer, but may be told as it is.
      const cutOff = !tooLarge && (text.trim() === '' || (this.#isJson() && /^\s*[[{]/.test(text)));
      this.#understood = cutOff;
      if (tooLarge) this.#state.close();
      else if (!cutOff) this.#state.fail({ class: 'unknown', code: undefined });
      return;
    }
    this.#head.watch?.document(value);
    this.#understood = this.#interpreter.document(value, this.#state);
    if (this.#understood) return;
    // A shape unknown here may be an answer; nothing at all is none.
    if (isNothing(value) && this.#interpreter.plain !== true) this.#state.fail({ class: 'unknown', code: undefined });
    else this.#state.close();
  }

  facts(): AnswerFacts {
    return this.#state.facts(this.#understood);
  }

  #isJson(): boolean {
    return this.#head.contentType === '' || /[/+]json$/.test(this.#head.contentType);
  }
}

class StreamReader implements AnswerReader, FrameSink {
  readonly framing: Framing;
  readonly #watch: AnswerWatch | undefined;
  readonly #interpreter: Interpreter;
  readonly #state = new AnswerState();
  readonly #parser: EventParser;
  #events = 0;
  /** Events that the dialect knew. */
  #known = 0;
  /** Something came that could not be read: an end without a terminal event proves nothing any more. */
  #lost = false;
  #atEnd = false;

  constructor(framing: Exclude<Framing, 'json'>, head: AnswerHead, interpreter: Interpreter) {
    this.framing = framing;
    this.#watch = head.watch;
    this.#interpreter = interpreter;
    this.#parser = parserFor(framing, this);
  }

  get phase(): AnswerPhase {
    return this.#state.phase;
  }

  get contentSeen(): boolean {
    return this.#state.contentSeen;
  }

  get events(): number {
    return this.#events;
  }

  get deltas(): number {
    return this.#state.deltas;
  }

  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  end(): void {
    this.#atEnd = true;
    this.#parser.end();
    if (!this.#understood) this.#state.close();
    else this.#interpreter.ended?.(this.#state);
  }

  facts(): AnswerFacts {
    return this.#state.facts(this.#understood);
  }

  get #understood(): boolean {
    return !this.#lost && (this.#known > 0 || this.#events === 0);
  }

  event(data: string, name: string): void {
    if (data === '[DONE]') {
      // The end of nothing is no answer.
      if (this.#events > 0) this.#state.finish();
      this.#events++;
      this.#known++;
      return;
    }
    const value = parseValue(data);
    if (value === undefined && this.#atEnd) return; // the rest of an event that broke off
    this.#events++;
    if (value !== undefined) this.#watch?.event(value, name);
    if (value === undefined) this.#loseTrack();
    else if (this.#interpreter.event(value, this.#state, name)) this.#known++;
    else if (this.#known === 0) this.#state.content(); // perhaps another dialect: never hold that back
  }

  exception(type: string, payload: string): void {
    this.#events++;
    this.#known++;
    this.#state.fail(classifyError(parseValue(payload), undefined, type));
  }

  skipped(): void {
    this.#events++;
    this.#loseTrack();
  }

  garbled(): void {
    this.#loseTrack();
  }

  /** What cannot be read must not be held back: it may be content. */
  #loseTrack(): void {
    this.#lost = true;
    this.#state.content();
  }
}

interface FrameSink extends EventSink {
  exception(type: string, payload: string): void;
}

function parserFor(framing: Exclude<Framing, 'json'>, sink: FrameSink): EventParser {
  switch (framing) {
    case 'sse':
      return new SseParser(sink);
    case 'ndjson':
      return new NdjsonParser(sink);
    case 'json-array':
      return new JsonArrayParser(sink);
    case 'aws-event-stream':
      return awsParser(sink);
  }
}

function awsParser(sink: FrameSink): EventParser {
  const parser = new AwsEventStreamParser({
    frame(frame: AwsFrame) {
      const { headers } = frame;
      const payload = frame.payload.toString('utf8');
      switch (headers.get(':message-type')) {
        case 'exception':
          sink.exception(headers.get(':exception-type') ?? '', payload);
          return;
        case 'error':
          sink.exception(headers.get(':error-code') ?? '', JSON.stringify({ message: headers.get(':error-message') }));
          return;
        default:
          sink.event(payload, headers.get(':event-type') ?? '');
      }
    },
    skipped: () => sink.skipped(),
    garbled: () => sink.garbled(),
  });
  return { push: (chunk) => parser.push(chunk), end: () => {} };
}
