// SPDX-License-Identifier: Apache-2.0
// One JSON array that is streamed (Gemini without `alt=sse`): each object in it is an event, found as soon as it is complete.
// An object that stands alone, without brackets around it, is an event as well.

import { type EventParser, type EventSink, MAX_EVENT_BYTES } from './framing.ts';
import { KeptBytes } from './kept-bytes.ts';

export class JsonArrayParser implements EventParser {
  readonly #sink: EventSink;
  readonly #kept: KeptBytes;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #dead = false;

  constructor(sink: EventSink, maxBytes: number = MAX_EVENT_BYTES) {
    this.#sink = sink;
    this.#kept = new KeptBytes(maxBytes);
  }

  push(chunk: Uint8Array): void {
    if (this.#dead) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0; // of the current object within this chunk
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === 0x5c) this.#escaped = true;
        else if (byte === 0x22) this.#inString = false;
      } else if (this.#depth === 0) {
        if (byte === 0x7b) {
          start = at;
          this.#depth = 1;
        } else if (!isBetween(byte)) {
          this.#dead = true;
          this.#sink.garbled();
          return;
        }
      } else if (byte === 0x22) this.#inString = true;
      else if (byte === 0x7b || byte === 0x5b) this.#depth++;
      else if (byte === 0x7d || byte === 0x5d) {
        this.#depth--;
        if (this.#depth === 0) this.#finish(bytes.subarray(start, at + 1));
      }
    }
    if (this.#depth > 0) this.#kept.add(bytes.subarray(start));
  }

  end(): void {}

  #finish(last: Buffer): void {
    this.#kept.add(last);
    const large = this.#kept.tooLarge;
    const whole = this.#kept.take();
    if (large) this.#sink.skipped();
    else this.#sink.event(whole.toString('utf8'), '');
  }
}

/** White space, comma, brackets of the array, bytes of a byte order mark. */
function isBetween(byte: number | undefined): boolean {
  return (
    byte === 0x20 ||
    byte === 0x0a ||
    byte === 0x0d ||
    byte === 0x09 ||
    byte === 0x2c ||
    byte === 0x5b ||
    byte === 0x5d ||
    byte === 0xef ||
    byte === 0xbb ||
    byte === 0xbf
  );
}
