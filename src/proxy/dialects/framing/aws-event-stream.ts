// SPDX-License-Identifier: Apache-2.0
// AWS event-stream frames (application/vnd.amazon.eventstream): big-endian total length, headers length, CRC of these eight bytes,
// headers, payload, CRC of all before. Both CRCs are verified. The encoder makes exception frames and serves the test fakes.

import { crc32 } from 'node:zlib';
import { MAX_EVENT_BYTES } from './framing.ts';
import { KeptBytes } from './kept-bytes.ts';

/** Valid during the call only. */
export interface AwsFrame {
  /** String headers only; the others are read over. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Buffer;
}

export interface AwsFrameSink {
  frame(frame: AwsFrame): void;
  /** A frame beyond the bound was skipped; reading goes on after it. */
  skipped(): void;
  /** A CRC or a length is wrong; nothing after this is read. */
  garbled(): void;
}

const PRELUDE = 12;
const TRAILER = 4;
/** The protocol's own bound on a message. */
const MAX_MESSAGE = 24 * 1024 * 1024;

export class AwsEventStreamParser {
  readonly #sink: AwsFrameSink;
  readonly #maxBytes: number;
  readonly #kept = new KeptBytes(MAX_MESSAGE);
  /** Total length of the frame that is coming in; 0: its prelude is not here yet. */
  #wanted = 0;
  #toSkip = 0;
  #dead = false;

  constructor(sink: AwsFrameSink, maxBytes: number = MAX_EVENT_BYTES) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    while (rest.length > 0 && !this.#dead) {
      if (this.#toSkip > 0) {
        const skipped = Math.min(this.#toSkip, rest.length);
        this.#toSkip -= skipped;
        rest = rest.subarray(skipped);
        if (this.#toSkip === 0) this.#sink.skipped();
        continue;
      }
      const goal = this.#wanted === 0 ? PRELUDE : this.#wanted;
      const missing = goal - this.#kept.length;
      if (rest.length < missing) {
        this.#kept.add(rest);
        return;
      }
      let whole = rest.subarray(0, missing);
      if (this.#kept.length > 0) {
        this.#kept.add(whole);
        whole = this.#kept.take();
      }
      rest = rest.subarray(missing);
      if (this.#wanted === 0) this.#prelude(whole);
      else {
        this.#wanted = 0;
        this.#frame(whole);
      }
    }
  }

  #prelude(prelude: Buffer): void {
    const total = prelude.readUInt32BE(0);
    const headers = prelude.readUInt32BE(4);
    const wrong = crc32(prelude.subarray(0, 8)) !== prelude.readUInt32BE(8);
    if (wrong || total > MAX_MESSAGE || total < PRELUDE + headers + TRAILER) this.#garble();
    else if (total > this.#maxBytes) this.#toSkip = total - PRELUDE;
    else {
      this.#wanted = total;
      this.#kept.add(Buffer.from(prelude));
    }
  }

  #frame(frame: Buffer): void {
    const end = frame.length - TRAILER;
    const payloadAt = PRELUDE + frame.readUInt32BE(4);
    const headers =
      crc32(frame.subarray(0, end)) === frame.readUInt32BE(end)
        ? readHeaders(frame.subarray(PRELUDE, payloadAt))
        : undefined;
    if (headers === undefined) this.#garble();
    else this.#sink.frame({ headers, payload: frame.subarray(payloadAt, end) });
  }

  #garble(): void {
    this.#dead = true;
    this.#sink.garbled();
  }
}

/** Value sizes by header type; strings (7) and byte arrays (6) carry their own length. */
const FIXED_SIZES: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16];
const STRING = 7;

function readHeaders(bytes: Buffer): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const nameLength = bytes[at] ?? 0;
    const typeAt = at + 1 + nameLength;
    const type = bytes[typeAt];
    if (type === undefined || type >= FIXED_SIZES.length) return undefined;
    let valueAt = typeAt + 1;
    let size = FIXED_SIZES[type];
    if (size === undefined) {
      if (valueAt + 2 > bytes.length) return undefined;
      size = bytes.readUInt16BE(valueAt);
      valueAt += 2;
    }
    if (valueAt + size > bytes.length) return undefined;
    if (type === STRING) {
      headers.set(bytes.toString('utf8', at + 1, typeAt), bytes.toString('utf8', valueAt, valueAt + size));
    }
    at = valueAt + size;
  }
  return headers;
}

/** One frame with string headers. Names up to 255 bytes, values up to 65,535. */
export function encodeAwsFrame(
  headers: readonly (readonly [name: string, value: string])[],
  payload: Uint8Array,
): Buffer {
  return encodeAwsFrameWith(encodeAwsHeaders(headers), payload);
}

/** For streams of many small frames, whose headers are always the same: encoded once with this ... */
export function encodeAwsHeaders(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers) {
    const nameBytes = Buffer.from(name);
    const valueBytes = Buffer.from(value);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(valueBytes.length);
    parts.push(Buffer.from([nameBytes.length]), nameBytes, Buffer.from([STRING]), size, valueBytes);
  }
  return Buffer.concat(parts);
}

/** ... and put before each payload with this. */
export function encodeAwsFrameWith(headerBytes: Uint8Array, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(PRELUDE + headerBytes.length + payload.length + TRAILER);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(headerBytes.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  frame.set(headerBytes, PRELUDE);
  frame.set(payload, PRELUDE + headerBytes.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - TRAILER)), frame.length - TRAILER);
  return frame;
}
