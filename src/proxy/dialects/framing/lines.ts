// SPDX-License-Identifier: Apache-2.0
// Cuts a byte stream into lines, whatever slices it comes in. Bounded: a line that is too long is dropped, not kept.

import { KeptBytes } from './kept-bytes.ts';

export interface LineSink {
  /** One line without its end. The bytes are valid during the call only. */
  line(bytes: Buffer, start: number, end: number): void;
  /** A line beyond the bound has ended; its bytes are gone. */
  longLine(): void;
}

const LF = 0x0a;
const CR = 0x0d;

export class LineSplitter {
  readonly #sink: LineSink;
  readonly #carriageReturns: boolean;
  readonly #maxBytes: number;
  readonly #kept: KeptBytes;
  #skipLineFeed = false;

  /** `carriageReturns`: a CR alone ends a line too (server-sent events). `maxBytes` bounds one line. */
  constructor(sink: LineSink, carriageReturns: boolean, maxBytes: number) {
    this.#sink = sink;
    this.#carriageReturns = carriageReturns;
    this.#maxBytes = maxBytes;
    this.#kept = new KeptBytes(maxBytes);
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    if (this.#skipLineFeed) {
      this.#skipLineFeed = false;
      if (bytes[0] === LF) at = 1;
    }
    let lf = bytes.indexOf(LF, at);
    let cr = this.#carriageReturns ? bytes.indexOf(CR, at) : -1;
    for (;;) {
      if (lf !== -1 && lf < at) lf = bytes.indexOf(LF, at);
      if (cr !== -1 && cr < at) cr = bytes.indexOf(CR, at);
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      if (end === -1) break;
      this.#finish(bytes, at, end);
      at = end + 1;
      if (end === cr) {
        if (at < bytes.length) {
          if (bytes[at] === LF) at++;
        } else this.#skipLineFeed = true;
      }
    }
    if (at < bytes.length) this.#kept.add(bytes.subarray(at));
  }

  /** Gives out a last line that has no end of its own. */
  end(): void {
    if (!this.#isAtStart) this.#finish(Buffer.alloc(0), 0, 0);
  }

  /** Has nothing of the current line come in an earlier chunk? */
  get #isAtStart(): boolean {
    return this.#kept.length === 0 && !this.#kept.tooLarge;
  }

  #finish(bytes: Buffer, start: number, end: number): void {
    if (this.#isAtStart && end - start <= this.#maxBytes) {
      this.#sink.line(bytes, start, end); // nothing is copied
      return;
    }
    this.#kept.add(bytes.subarray(start, end));
    const long = this.#kept.tooLarge;
    const whole = this.#kept.take();
    if (long) this.#sink.longLine();
    else this.#sink.line(whole, 0, whole.length);
  }
}
