// SPDX-License-Identifier: Apache-2.0
// A request body that is its own stream: destroying it discards the rest of the upload but leaves the connection alive, so that
// an answer can still be given. Knows nothing of HTTP versions.

import { Readable } from 'node:stream';

/** Bytes that wait here; the source's own window or socket buffer holds the next. */
const HIGH_WATER_MARK = 64 * 1024;

export interface CallBodyOptions {
  /** Runs when somebody first wants bytes (100 Continue). */
  readonly onFirstRead?: () => void;
  /** Asked at the source's end: was it cut off? An HTTP/2 stream that is reset also ends, and looks complete. */
  readonly cutOff?: () => boolean;
}

/**
 * Paused until read; backpressure reaches the source. An error, an early close or a cut-off end of the source destroys this stream
 * with an error: the client has left.
 */
export class CallBody extends Readable {
  readonly #source: Readable;
  readonly #cutOff: (() => boolean) | undefined;
  #onFirstRead: (() => void) | undefined;
  #attached = false;

  constructor(source: Readable, { onFirstRead, cutOff }: CallBodyOptions = {}) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#source = source;
    this.#onFirstRead = onFirstRead;
    this.#cutOff = cutOff;
    source.on('error', this.#onBroken);
    source.once('close', this.#onClose);
  }

  override _read(): void {
    if (!this.#attached) {
      this.#attached = true;
      this.#onFirstRead?.();
      this.#onFirstRead = undefined;
      this.#source.on('data', this.#onData);
      this.#source.once('end', this.#onEnd);
      if (this.#source.readableEnded) this.#onEnd();
      else if (this.#source.destroyed) this.#onClose();
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('close', this.#onClose);
    if (!this.#source.readableEnded && !this.#source.destroyed) this.#source.resume();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#source.pause();
  };
  readonly #onEnd = (): void => {
    if (this.#cutOff?.() === true) this.#clientLeft();
    else this.push(null);
  };
  readonly #onBroken = (): void => {
    this.#clientLeft();
  };
  readonly #onClose = (): void => {
    if (!this.#source.readableEnded) this.#clientLeft();
  };
  #clientLeft(): void {
    if (this.readableEnded || this.destroyed) return;
    // Without a reader an 'error' event would end the process; 'close' is emitted in any case.
    this.destroy(
      this.listenerCount('error') > 0 ? new Error('the client left before its body was complete') : undefined,
    );
  }
}

/** The body of a request that has none. */
export function emptyBody(): Readable {
  const body = new Readable({ read: () => undefined });
  body.push(null);
  return body;
}
