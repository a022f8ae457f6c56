// SPDX-License-Identifier: Apache-2.0
// The bounded queue between reading frames and reading messages. Knows nothing of either.

import type { Piece } from './frame.ts';
import { Signal } from './signal.ts';

/** Enough to keep reading control frames while a verdict is awaited; small next to the limit of 32 MiB a connection. */
const MAX_COST = 256 * 1024;
/** What a piece costs beyond its bytes: the objects around it. */
const PIECE_COST = 256;

export class PieceQueue {
  readonly #taken = new Signal();
  readonly #given = new Signal();
  #pieces: Piece[] = [];
  #cost = 0;
  #closed = false;
  #released = false;

  /** Always takes the piece (a chunk is at most some pieces over the bound); the giver then awaits `room`. */
  push(piece: Piece): void {
    if (this.#closed) return;
    this.#pieces.push(piece);
    this.#cost += piece.raw.length + PIECE_COST;
    this.#given.notify();
  }

  /** The next piece; undefined once the queue is closed and empty. */
  async take(): Promise<Piece | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#cost -= piece.raw.length + PIECE_COST;
        this.#taken.notify();
        return piece;
      }
      if (this.#closed) return undefined;
      await this.#given.wait();
    }
  }

  /** Resolves when there is room again, or the queue is closed. */
  async room(): Promise<void> {
    while (this.#cost > MAX_COST && !this.#closed && !this.#released) await this.#taken.wait();
  }

  /** Nobody waits for room any more: the sender has ended, and what it left behind is small. */
  release(): void {
    this.#released = true;
    this.#taken.notify();
  }

  /** What is in it can still be taken. */
  close(): void {
    this.#closed = true;
    this.#given.notify();
    this.#taken.notify();
  }

  /** Closes and forgets what is in it. */
  drop(): void {
    this.#pieces = [];
    this.#cost = 0;
    this.close();
  }
}
