// SPDX-License-Identifier: Apache-2.0
// Puts the messages of one direction together from frames: unmasked, defragmented, inflated, checked as UTF-8. Works on
// copies; knows nothing of who reads the message or of what happens to its frames.

import type { Extension } from './extensions.ts';
import { endsMessage, OPCODE, type Piece, startsMessage, unmasked } from './frame.ts';
import { MessageInflater } from './inflate.ts';

export type Message =
  | { readonly kind: 'text'; readonly text: string }
  /** Binary, too large, broken, not UTF-8 or unreadable. `bytes` as on the wire. */
  | { readonly kind: 'opaque'; readonly bytes: number };

export interface ReaderOptions {
  readonly extension: Extension;
  readonly from: 'client' | 'server';
  /** On the wire and inflated. */
  readonly maxBytes: number;
}

/** A piece costs about 250 bytes beyond its payload; more of them than this (fragments of a byte, say) is too large. */
const MAX_PIECES = 65_536;

export class MessageReader {
  readonly #maxBytes: number;
  readonly #foreign: boolean;
  readonly #inflater: MessageInflater | undefined;
  readonly #takeover: boolean;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #text = false;
  #compressed = false;
  #parts: Buffer[] = [];
  #pieces = 0;
  #bytes = 0;

  constructor({ extension, from, maxBytes }: ReaderOptions) {
    this.#maxBytes = maxBytes;
    this.#foreign = extension.kind === 'unknown';
    this.#takeover =
      extension.kind === 'deflate' && (from === 'client' ? extension.clientTakeover : extension.serverTakeover);
    this.#inflater =
      extension.kind === 'deflate' ? new MessageInflater({ takeover: this.#takeover, maxBytes }) : undefined;
  }

  /** Of the current message on the wire, as far as its frames announce. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The current message is over the limit, although it may not have arrived yet. */
  get tooLarge(): boolean {
    if (this.#bytes > this.#maxBytes || this.#pieces > MAX_PIECES) return true;
    return this.#compressed && this.#inflater?.tooLarge === true;
  }

  /** Takes the next piece of a data frame; gives the message once it is whole. One call at a time. */
  async add(piece: Piece): Promise<Message | undefined> {
    if (startsMessage(piece)) this.#begin(piece);
    if (piece.first) this.#bytes += piece.frame.length;
    this.#pieces++;
    const whole = endsMessage(piece);
    if (this.#compressed) return this.#addCompressed(piece, whole);

    if (this.#text && !this.tooLarge) this.#parts.push(unmasked(piece));
    else this.#parts = [];
    if (!whole) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    return this.#text && !this.tooLarge ? this.#decode(Buffer.concat(parts)) : this.#opaque();
  }

  close(): void {
    this.#inflater?.close();
  }

  #begin(piece: Piece): void {
    this.#text = piece.frame.opcode === OPCODE.text && !this.#foreign;
    this.#compressed = piece.frame.rsv1 && this.#inflater !== undefined;
    this.#parts = [];
    this.#pieces = 0;
    this.#bytes = 0;
  }

  /** With takeover every message goes through the inflater, wanted or not: the next one may refer to it. */
  async #addCompressed(piece: Piece, whole: boolean): Promise<Message | undefined> {
    if (!this.#takeover && !this.#text) return whole ? this.#opaque() : undefined;
    if (!whole) {
      await this.#inflater?.write(unmasked(piece));
      return undefined;
    }
    const content = await this.#inflater?.finish(unmasked(piece));
    return content !== undefined && this.#text && !this.tooLarge ? this.#decode(content) : this.#opaque();
  }

  #decode(content: Buffer): Message {
    try {
      return { kind: 'text', text: this.#decoder.decode(content) };
    } catch {
      return this.#opaque();
    }
  }

  #opaque(): Message {
    return { kind: 'opaque', bytes: this.#bytes };
  }
}
