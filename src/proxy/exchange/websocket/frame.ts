// SPDX-License-Identifier: Apache-2.0
// The WebSocket frame (RFC 6455 section 5): splits a byte stream into frames without touching a byte, and writes the few
// frames that we send ourselves. Pure. Knows nothing of messages' content, sockets or extensions beyond the reserved bits.

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly fin: boolean;
  /** permessage-deflate: the message that this frame starts is compressed. */
  readonly rsv1: boolean;
  readonly opcode: number;
  readonly control: boolean;
  /** Of the payload, in bytes. */
  readonly length: number;
  readonly mask: Buffer | undefined;
}

/** A slice of one frame, in order. A control frame is always one piece. */
export interface Piece {
  readonly frame: Frame;
  /** Bytes as they came; a view into the chunk where possible. */
  readonly raw: Buffer;
  /** The part of `raw` that is payload, still masked. */
  readonly payload: Buffer;
  /** Where `payload` starts in the frame's payload. */
  readonly offset: number;
  /** The piece holds the frame's header. */
  readonly first: boolean;
  /** The piece ends its frame. */
  readonly last: boolean;
}

export interface FrameRules {
  /** Client frames are masked, server frames are not. */
  readonly masked: boolean;
  /** `deflate`: RSV1 on the first frame of a message; `any`: an extension that we do not know decides. */
  readonly reserved: 'none' | 'deflate' | 'any';
}

export interface Split {
  readonly pieces: readonly Piece[];
  /** What broke the protocol. The pieces before it are good; the stream is useless from here on. */
  readonly violation?: string;
}

export const startsMessage = (piece: Piece): boolean => piece.first && piece.frame.opcode !== OPCODE.continuation;
export const endsMessage = (piece: Piece): boolean => piece.last && piece.frame.fin && !piece.frame.control;

const MAX_HEADER = 14;
const EMPTY = Buffer.alloc(0);

/** Splits one direction of a connection. Any slicing of the input gives the same frames. */
export class FrameSplitter {
  readonly #rules: FrameRules;
  readonly #header = Buffer.alloc(MAX_HEADER);
  #headerLength = 0;
  #frame: Frame | undefined;
  #offset = 0;
  #messageOpen = false;
  #control: Buffer[] = [];

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  push(chunk: Buffer): Split {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < chunk.length) {
      let start = at;
      if (this.#frame === undefined) {
        const straddles = this.#headerLength > 0;
        while (at < chunk.length && !this.#headerComplete()) this.#header[this.#headerLength++] = chunk[at++] ?? 0;
        if (!this.#headerComplete()) break;
        const header = Buffer.from(this.#header.subarray(0, this.#headerLength));
        this.#headerLength = 0;
        const frame = this.#read(header);
        if (typeof frame === 'string') return { pieces, violation: frame };
        this.#frame = frame;
        this.#offset = 0;
        if (straddles) {
          this.#emit(pieces, frame, header, EMPTY, true);
          if (this.#frame === undefined) continue;
          start = at;
        }
      }
      const frame = this.#frame;
      const end = Math.min(chunk.length, at + frame.length - this.#offset);
      this.#emit(pieces, frame, chunk.subarray(start, end), chunk.subarray(at, end), start < at);
      at = end;
    }
    return { pieces };
  }

  /** Adds a piece; collects those of a control frame until it is whole. */
  #emit(pieces: Piece[], frame: Frame, raw: Buffer, payload: Buffer, first: boolean): void {
    const offset = this.#offset;
    this.#offset += payload.length;
    const last = this.#offset === frame.length;
    if (last) this.#frame = undefined;
    if (!frame.control) {
      pieces.push({ frame, raw, payload, offset, first, last });
      return;
    }
    this.#control.push(raw);
    if (!last) return;
    const whole = Buffer.concat(this.#control);
    this.#control = [];
    const content = whole.subarray(whole.length - frame.length);
    pieces.push({ frame, raw: whole, payload: content, offset: 0, first: true, last: true });
  }

  #headerComplete(): boolean {
    if (this.#headerLength < 2) return false;
    const second = this.#header[1] ?? 0;
    const short = second & 0x7f;
    const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
    return this.#headerLength === 2 + extended + (second & 0x80 ? 4 : 0);
  }

  #read(header: Buffer): Frame | string {
    const first = header.readUInt8(0);
    const second = header.readUInt8(1);
    const opcode = first & 0x0f;
    const control = (opcode & 0x08) !== 0;
    const fin = (first & 0x80) !== 0;
    const masked = (second & 0x80) !== 0;
    const rsv1 = (first & 0x40) !== 0;

    if (masked !== this.#rules.masked) return masked ? 'a server frame is masked' : 'a client frame is not masked';
    if ((opcode > OPCODE.binary && opcode < OPCODE.close) || opcode > OPCODE.pong)
      return `opcode ${opcode} is reserved`;
    if (this.#rules.reserved !== 'any') {
      if ((first & 0x30) !== 0) return 'a reserved bit is set';
      const mayCompress = this.#rules.reserved === 'deflate' && !control && opcode !== OPCODE.continuation;
      if (rsv1 && !mayCompress) return 'a reserved bit is set';
    }
    const short = second & 0x7f;
    if (control && (!fin || short > 125)) return 'a control frame is fragmented or too long';
    const wide = short === 127 ? header.readBigUInt64BE(2) : BigInt(short === 126 ? header.readUInt16BE(2) : short);
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) return 'a frame is impossibly long';
    if (!control) {
      if ((opcode === OPCODE.continuation) !== this.#messageOpen) return 'fragments are out of order';
      this.#messageOpen = !fin;
    }
    const mask = masked ? header.subarray(header.length - 4) : undefined;
    return { fin, rsv1, opcode, control, length: Number(wide), mask };
  }
}

/** The payload of a piece in the clear: a copy where it was masked, else the same bytes. */
export function unmasked(piece: Piece): Buffer {
  const { payload, frame, offset } = piece;
  if (frame.mask === undefined) return payload;
  const out = Buffer.allocUnsafe(payload.length);
  const key = [0, 1, 2, 3].map((i) => frame.mask?.[(offset + i) & 3] ?? 0);
  for (let i = 0; i < payload.length; i++) out[i] = (payload[i] ?? 0) ^ (key[i & 3] ?? 0);
  return out;
}

/** The status code of a close frame; 1005 ("none received") where it has none. */
export function closeCode(piece: Piece): number {
  const payload = unmasked(piece);
  return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
}

/** One final frame. `mask` (4 random bytes) is given for frames towards a server. */
export function encodeFrame(opcode: number, payload: Buffer, mask?: Buffer): Buffer {
  const size = payload.length;
  const extended = size > 0xffff ? 8 : size > 125 ? 2 : 0;
  const header = Buffer.alloc(2 + extended);
  header[0] = 0x80 | opcode;
  header[1] = (mask ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : size);
  if (extended === 2) header.writeUInt16BE(size, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(size), 2);
  if (mask === undefined) return Buffer.concat([header, payload]);
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))]);
}

/** A close frame; the reason is cut at a character so that it fits the 125 bytes of a control frame. */
export function encodeClose(code: number, reason: string, mask?: Buffer): Buffer {
  const room = new Uint8Array(123);
  const { written } = new TextEncoder().encodeInto(reason, room);
  const payload = Buffer.alloc(2 + written);
  payload.writeUInt16BE(code, 0);
  payload.set(room.subarray(0, written), 2);
  return encodeFrame(OPCODE.close, payload, mask);
}
