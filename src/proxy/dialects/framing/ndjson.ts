// SPDX-License-Identifier: Apache-2.0
// Newline-delimited JSON: one event a line, empty lines are nothing.

import { type EventParser, type EventSink, MAX_EVENT_BYTES } from './framing.ts';
import { type LineSink, LineSplitter } from './lines.ts';

export class NdjsonParser implements EventParser, LineSink {
  readonly #sink: EventSink;
  readonly #lines: LineSplitter;
  #first = true;

  constructor(sink: EventSink, maxBytes: number = MAX_EVENT_BYTES) {
    this.#sink = sink;
    this.#lines = new LineSplitter(this, false, maxBytes);
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  line(bytes: Buffer, from: number, end: number): void {
    let start = from;
    if (this.#first && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
    this.#first = false;
    const text = bytes.toString('utf8', start, end).trim();
    if (text !== '') this.#sink.event(text, '');
  }

  longLine(): void {
    this.#first = false;
    this.#sink.skipped();
  }
}
