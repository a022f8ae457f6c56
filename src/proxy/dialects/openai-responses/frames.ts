// SPDX-License-Identifier: Apache-2.0
// Responses over WebSocket: each text message is one JSON event. Reads what the client asks and what the server answers; several
// answers may follow each other on one socket, or run side by side in lanes (`stream_id`). Knows nothing of WebSocket framing.

import type { AnswerFacts, AnswerPhase, AnswerReader, NativeError, Recognised, RequestFacts } from '../dialect.ts';
import { parseJsonNode } from '../json/node.ts';
import { asObject, asWord, parseValue } from '../json/values.ts';
import { responsesErrorEvent } from '../openai/errors.ts';
import { AnswerState } from '../shared/answer-state.ts';
import { type RequestShape, readRequestFacts } from '../shared/request-facts.ts';
import { responsesInterpreter } from './answer.ts';
import { responsesShape } from './dialect.ts';

export type ClientFrame =
  /** Asks for an answer. Offsets of the facts are bytes into the message. */
  | { readonly kind: 'create'; readonly facts: RequestFacts; readonly lane: string | undefined }
  /** Adds text of the user to an answer that is under way. */
  | { readonly kind: 'steer'; readonly facts: RequestFacts; readonly lane: string | undefined }
  /** Any other event; `type` undefined: not an event at all. */
  | { readonly kind: 'other'; readonly type: string | undefined }
  /** Not JSON as we know it (or beyond the limits). A server with a looser parser might take it for anything. */
  | { readonly kind: 'unreadable' };

const OVER_WEBSOCKET: Recognised = {
  dialect: 'openai-responses',
  operation: 'generate',
  pathModel: undefined,
  pathStream: true, // `stream` is implied and not sent
};

/**
 * The request stands beside `type`; some clients wrap it into `response`, as the realtime API does. A message with both is read at
 * both places: which one counts is the server's choice.
 */
const frameShape: RequestShape = {
  read(root) {
    const inner = root.get('response');
    return { ...responsesShape.read(inner?.isObject ? inner : root), modelHolders: root.alike('response') };
  },
  spans(root, out) {
    responsesShape.spans(root, out);
    const inner = root.get('response');
    if (inner !== undefined) responsesShape.spans(inner, out.below('/response'));
  },
};

/** Reads one text message of the client. Never throws. */
export function readClientFrame(message: Buffer): ClientFrame {
  const root = parseJsonNode(message);
  if (root === undefined) return { kind: 'unreadable' };
  const type = asWord(root.get('type')?.string);
  const lane = asWord(root.get('stream_id')?.string);
  // Of several types the one that asks for an answer counts, whichever the server takes.
  if (root.alike('type').some((each) => each.string === 'response.create')) {
    return { kind: 'create', facts: readRequestFacts(OVER_WEBSOCKET, message, frameShape), lane };
  }
  switch (type) {
    case 'response.steer':
      return { kind: 'steer', facts: readRequestFacts(OVER_WEBSOCKET, message, frameShape), lane };
    default:
      return { kind: 'other', type };
  }
}

/** Which lane a message of the server belongs to; undefined: the socket's only one. */
export function laneOf(message: Buffer): string | undefined {
  return asWord(asObject(parseValue(message.toString('utf8')))?.['stream_id']);
}

/** Follows one answer: `push` takes one whole text message of the server at a time. */
export function createFrameReader(): AnswerReader {
  return new FrameReader();
}

class FrameReader implements AnswerReader {
  /** As on HTTP these events are SSE; messages need no framing of their own. */
  readonly framing = 'sse';
  readonly #state = new AnswerState();
  readonly #interpreter = responsesInterpreter();
  #events = 0;
  #known = 0;

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

  push(message: Uint8Array): void {
    this.#events++;
    const text = Buffer.from(message.buffer, message.byteOffset, message.length).toString('utf8');
    if (this.#interpreter.event(parseValue(text), this.#state, '')) this.#known++;
    else if (this.#known === 0) this.#state.content(); // not of this dialect: never hold that back
  }

  end(): void {
    if (this.#events > 0 && this.#known === 0) this.#state.close();
  }

  facts(): AnswerFacts {
    return this.#state.facts(this.#events === 0 || this.#known > 0);
  }
}

/** The text message that refuses or ends an answer. `lane` as in the client's frame. */
export function errorFrame(error: NativeError, lane?: string): Buffer {
  const event = responsesErrorEvent(error);
  return Buffer.from(JSON.stringify(lane === undefined ? event : { ...event, stream_id: lane }));
}
