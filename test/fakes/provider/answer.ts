// SPDX-License-Identifier: Apache-2.0
// What a dialect of the simulated provider hands to the delivery: a head and a sequence of wire events. Types and framings.

/** One event on the wire. A JSON answer has one. */
export interface WireEvent {
  readonly bytes: Buffer;
  /** Does it carry output (text, reasoning, tool call, refusal) rather than lifecycle? */
  readonly content: boolean;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Names and values alternating. */
  readonly headers: readonly string[];
  readonly streamed: boolean;
  readonly events: Iterable<WireEvent>;
  /** The dialect's in-band error for this framing; empty where it has none. */
  readonly inBandError: Buffer;
}

export function jsonAnswer(value: unknown, headers: readonly string[] = [], status = 200): Answer {
  return {
    status,
    contentType: 'application/json',
    headers,
    streamed: false,
    events: [{ bytes: Buffer.from(JSON.stringify(value)), content: true }],
    inBandError: Buffer.alloc(0),
  };
}

/** A server-sent event with JSON data, or with the literal text (`[DONE]`). */
export function sse(data: unknown, event?: string): Buffer {
  const body = typeof data === 'string' ? data : JSON.stringify(data);
  return Buffer.from(`${event === undefined ? '' : `event: ${event}\n`}data: ${body}\n\n`);
}

export function lifecycle(bytes: Buffer): WireEvent {
  return { bytes, content: false };
}

export function content(bytes: Buffer): WireEvent {
  return { bytes, content: true };
}

export function sseAnswer(events: Iterable<WireEvent>, inBandError: Buffer, headers: readonly string[] = []): Answer {
  return { status: 200, contentType: 'text/event-stream; charset=utf-8', headers, streamed: true, events, inBandError };
}

/** Frames events that are still values, one by one as they are asked for. */
export function* framed<T extends { readonly content: boolean }>(
  events: Iterable<T>,
  frame: (event: T) => Buffer,
): Generator<WireEvent> {
  for (const event of events) yield { bytes: frame(event), content: event.content };
}
