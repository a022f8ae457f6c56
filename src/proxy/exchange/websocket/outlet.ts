// SPDX-License-Identifier: Apache-2.0
// The writing half of a socket after the upgrade: forwards pieces of frames, counts them, and knows where frames and
// messages end, so that a frame of ours can be put between two of theirs. Knows nothing of why.

import type { Duplex } from 'node:stream';
import { endsMessage, type Piece } from './frame.ts';
import { Signal } from './signal.ts';

export type Boundary = 'frame' | 'message';

interface Seal {
  readonly at: Boundary;
  readonly frames: readonly Buffer[];
  readonly done: () => void;
}

export class Outlet {
  readonly #socket: Duplex;
  readonly #signal = new Signal();
  #bytes = 0;
  #messages = 0;
  #midFrame = false;
  #midMessage = false;
  #waiting: Piece[] = [];
  #seal: Seal | undefined;
  #sealed = false;
  #released = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('drain', () => this.#signal.notify());
    socket.on('close', () => this.#signal.notify());
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): number {
    return this.#messages;
  }

  get midFrame(): boolean {
    return this.#midFrame;
  }

  /** Forwards pieces in order, in one write to the kernel where possible. Gives how many were, until sealed. */
  writeAll(pieces: readonly Piece[]): number {
    let forwarded = 0;
    this.#socket.cork();
    for (const piece of pieces) if (this.write(piece)) forwarded++;
    this.#socket.uncork();
    return forwarded;
  }

  /** Forwards a piece, in its order; false when sealed. */
  write(piece: Piece): boolean {
    if (this.#sealed) return false;
    this.#put(piece);
    if (!piece.frame.control) {
      this.#midFrame = !piece.last;
      this.#midMessage = !endsMessage(piece);
      if (!this.#midMessage) this.#messages++;
    }
    this.#boundary();
    return true;
  }

  /**
   * Forwards a control frame as soon as no data frame is half written, past data that has not been let through yet. Few
   * ever wait: they can only come behind the whole frame, and what is left of it is on its way or `ready` holds the reader.
   */
  control(piece: Piece): void {
    if (this.#sealed) return;
    if (!this.#midFrame) return this.#put(piece);
    this.#waiting.push(piece);
  }

  /** Resolves when more may be written, or never will be. */
  async ready(): Promise<void> {
    while (this.#socket.writableNeedDrain && !this.#sealed && !this.#released && !this.#socket.destroyed)
      await this.#signal.wait();
  }

  /** Nobody waits any more: the sender has ended, and what it left behind is small. */
  release(): void {
    this.#released = true;
    this.#signal.notify();
  }

  /** Resolves when `frames` have been written at the next such boundary; nothing is forwarded after them. */
  sealAt(at: Boundary, frames: readonly Buffer[]): Promise<void> {
    return new Promise((done) => {
      this.#seal = { at, frames, done };
      this.#boundary();
    });
  }

  /** Nothing is forwarded from now on. */
  seal(): void {
    this.#sealed = true;
    this.#signal.notify();
  }

  #boundary(): void {
    if (this.#midFrame || this.#sealed) return;
    for (const piece of this.#waiting) this.#put(piece);
    if (this.#waiting.length > 0) {
      this.#waiting = [];
      this.#signal.notify();
    }
    const seal = this.#seal;
    if (seal === undefined || (seal.at === 'message' && this.#midMessage)) return;
    for (const frame of seal.frames) this.#socket.write(frame);
    this.seal();
    seal.done();
  }

  #put(piece: Piece): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#bytes += piece.raw.length;
    this.#socket.write(piece.raw);
  }
}
