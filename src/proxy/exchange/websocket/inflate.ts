// SPDX-License-Identifier: Apache-2.0
// Inflates the messages of one direction under permessage-deflate (RFC 7692), in order, in bounded memory and work, on
// zlib's threads. Knows nothing of frames or of what the text means.

import { createInflateRaw, type InflateRaw } from 'node:zlib';

/** The empty stored block that the sender cut off the end of each message (RFC 7692 section 7.2.2). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Over the limit, output is thrown away to keep the context; past this many times the limit it is a bomb and we stop. */
const BOMB_FACTOR = 16;

export interface InflateOptions {
  /** The window lasts from one message to the next. */
  readonly takeover: boolean;
  /** Largest inflated message. Bytes. */
  readonly maxBytes: number;
}

/**
 * Call `write` for each part but the last and `finish` for that one, one at a time. With takeover a message that cannot
 * be inflated makes all later ones unreadable too, as it does for the receiver.
 */
export class MessageInflater {
  readonly #options: InflateOptions;
  #stream: InflateRaw | undefined;
  /** The context is gone for good. */
  #lost = false;
  /** Bytes given to `#stream`, or that would have been given had it not ended. */
  #given = 0;
  #lastByte = 0;
  /** Wakes whoever waits for the current write. */
  #settle: (() => void) | undefined;
  #parts: Buffer[] = [];
  #size = 0;
  #broken = false;
  #ended = false;

  constructor(options: InflateOptions) {
    this.#options = options;
  }

  /** The current message is over the limit. */
  get tooLarge(): boolean {
    return this.#size > this.#options.maxBytes;
  }

  async write(part: Buffer): Promise<void> {
    if (part.length === 0) return;
    this.#lastByte = part[part.length - 1] ?? 0;
    await this.#feed(part);
  }

  /** Takes the last part (may be empty) and gives the whole message; undefined when it is too large or not valid. */
  async finish(part: Buffer): Promise<Buffer | undefined> {
    this.#lastByte = part[part.length - 1] ?? this.#lastByte;
    await this.#feed(Buffer.concat([part, TAIL]));
    if (this.#ended && !this.#endedAtMessageEnd()) this.#broken = true;
    const readable = !this.#lost && !this.#broken && !this.tooLarge;
    const message = readable ? Buffer.concat(this.#parts, this.#size) : undefined;
    if (this.#broken && this.#options.takeover) this.#lost = true;
    if (this.#broken || this.#ended || !this.#options.takeover) this.close();
    this.#parts = [];
    this.#size = 0;
    this.#lastByte = 0;
    this.#broken = false;
    this.#ended = false;
    return message;
  }

  /** Frees zlib's memory. A later message starts with an empty window. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#given = 0;
    this.#settle?.();
  }

  /**
   * A sender may end a message with a final DEFLATE block. Receivers differ in what they make of bytes behind one, so
   * nothing may hide there: only the tail, or the one zero byte that section 7.2.3.4 shows.
   */
  #endedAtMessageEnd(): boolean {
    const rest = this.#given - (this.#stream?.bytesWritten ?? 0);
    return rest === TAIL.length || (rest === TAIL.length + 1 && this.#lastByte === 0);
  }

  async #feed(part: Buffer): Promise<void> {
    if (this.#lost || this.#broken) return;
    this.#given += part.length;
    if (this.#ended) return;
    const stream = this.#stream ?? this.#open();
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      stream.write(part, () => {
        this.#collect(stream);
        resolve();
      });
    });
    this.#settle = undefined;
  }

  #open(): InflateRaw {
    const stream = createInflateRaw();
    stream.on('readable', () => this.#collect(stream));
    // zlib ends the stream, and never answers the write, when bytes follow a final block.
    stream.on('end', () => {
      if (stream !== this.#stream) return;
      this.#ended = true;
      this.#settle?.();
    });
    stream.on('error', () => {
      if (stream !== this.#stream) return;
      this.#broken = true;
      this.#settle?.();
    });
    this.#stream = stream;
    return stream;
  }

  #collect(stream: InflateRaw): void {
    for (;;) {
      const out: Buffer | null = stream.read();
      if (out === null || stream !== this.#stream) return;
      this.#size += out.length;
      if (!this.tooLarge) this.#parts.push(out);
      else this.#parts = [];
      if (this.#size > this.#options.maxBytes * BOMB_FACTOR) {
        this.#broken = true;
        this.close();
        return;
      }
    }
  }
}
