// SPDX-License-Identifier: Apache-2.0
// The reading half of a socket: reads a little ahead so that the other side's leaving is noticed while nobody asks for
// bytes, and no further, so that backpressure holds. Knows nothing of what the bytes mean.

import type { Duplex } from 'node:stream';
import { Signal } from './signal.ts';

/** Read ahead up to about this much (plus one read of the socket). Bytes. */
const READ_AHEAD = 64 * 1024;

export class Source {
  readonly #socket: Duplex;
  readonly #signal = new Signal();
  readonly #ended = Promise.withResolvers<void>();
  #chunks: Buffer[] = [];
  #size = 0;
  #over = false;

  constructor(socket: Duplex, early: Buffer) {
    this.#socket = socket;
    this.#keep(early);
    socket.on('readable', this.#pull);
    socket.on('end', this.#finish);
    socket.on('error', this.#finish);
    socket.on('close', this.#finish);
    if (socket.destroyed || socket.readableEnded) this.#finish();
  }

  /** Resolves when the other side has ended, died, or the socket was destroyed; bytes read before may still wait. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The next bytes; undefined at the end, however it came. One call at a time. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        this.#pull();
        return chunk;
      }
      if (this.#over) return undefined;
      await this.#signal.wait();
    }
  }

  /** Leaves the socket to somebody else. Its errors stay handled. */
  detach(): void {
    this.#socket.off('readable', this.#pull);
    this.#socket.off('end', this.#finish);
    this.#socket.off('close', this.#finish);
  }

  /** Puts bytes back in front. */
  unread(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#size += chunk.length;
  }

  readonly #pull = (): void => {
    while (this.#size < READ_AHEAD) {
      const chunk: Buffer | null = this.#socket.read();
      if (chunk === null) return;
      this.#keep(chunk);
    }
  };

  #keep(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#signal.notify();
  }

  readonly #finish = (): void => {
    this.#over = true;
    this.#ended.resolve();
    this.#signal.notify();
  };
}
