// SPDX-License-Identifier: Apache-2.0
// Server-sent events, byte by byte as the WHATWG specification says: CR, LF or CRLF, multi-line data, comments, byte order mark.
// `id` and `retry` are read over: nothing here reconnects. One difference: an event without its last blank line is still given
// out at the end, as the vendors' SDKs do.

import { type EventParser, type EventSink, MAX_EVENT_BYTES } from './framing.ts';
import { type LineSink, LineSplitter } from './lines.ts';

export class SseParser implements EventParser, LineSink {
  readonly #sink: EventSink;
  readonly #maxBytes: number;
  readonly #lines: LineSplitter;
  #first = true;
  #name = '';
  #data: string | undefined;
  #bytes = 0;
  #tooLarge = false;

  constructor(sink: EventSink, maxBytes: number = MAX_EVENT_BYTES) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#lines = new LineSplitter(this, true, maxBytes);
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
    this.#dispatch();
  }

  line(bytes: Buffer, from: number, end: number): void {
    let start = from;
    if (this.#first) {
      this.#first = false;
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && end - start >= 3)
        start += 3;
    }
    if (start === end) {
      this.#dispatch();
      return;
    }
    if (isField(bytes, start, end, 'data')) {
      this.#bytes += end - start;
      if (this.#bytes > this.#maxBytes) this.#tooLarge = true;
      if (this.#tooLarge) {
        this.#data = undefined;
        return;
      }
      const value = fieldValue(bytes, start + 4, end);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (isField(bytes, start, end, 'event')) this.#name = fieldValue(bytes, start + 5, end);
  }

  longLine(): void {
    this.#first = false;
    this.#tooLarge = true;
    this.#data = undefined;
  }

  #dispatch(): void {
    const name = this.#name;
    const data = this.#data;
    const tooLarge = this.#tooLarge;
    this.#name = '';
    this.#data = undefined;
    this.#bytes = 0;
    this.#tooLarge = false;
    if (tooLarge) this.#sink.skipped();
    else if (data !== undefined) this.#sink.event(data, name);
  }
}

function isField(bytes: Buffer, start: number, end: number, name: string): boolean {
  const after = start + name.length;
  if (after > end) return false;
  for (let offset = 0; offset < name.length; offset++) {
    if (bytes[start + offset] !== name.charCodeAt(offset)) return false;
  }
  return after === end || bytes[after] === 0x3a;
}

/** `after` is the offset after the field's name: a colon, or the end of the line. */
function fieldValue(bytes: Buffer, after: number, end: number): string {
  if (after >= end) return '';
  const start = bytes[after + 1] === 0x20 && after + 1 < end ? after + 2 : after + 1;
  return bytes.toString('utf8', start, end);
}
