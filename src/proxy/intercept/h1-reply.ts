// SPDX-License-Identifier: Apache-2.0
// The caller's side of an answer over HTTP/1.1: header case and order as given, nothing added but framing. Knows nothing of
// where the answer comes from.

import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import { pairs } from '../../contract/http-headers.ts';
import type { RawHeaders, Reply } from '../exchange/call.ts';

/** How long an abort waits for bytes that were already written, before it resets the connection all the same. Milliseconds. */
export const ABORT_FLUSH_MS = 250;

export interface H1ReplyOptions {
  readonly res: ServerResponse;
  readonly clock: Clock;
  /** Breaks the TCP connection so that nobody takes the answer for complete. */
  readonly reset: () => void;
  readonly gone: AbortSignal;
  /** Added to every head. */
  readonly extra: RawHeaders;
  /** The client waits for 100 Continue and may never send its body: then the connection cannot be used again. */
  readonly mustClose: () => boolean;
  /** Told once, when `end` or `abort` has been called. */
  readonly onClosed: () => void;
}

export class H1Reply implements Reply {
  readonly #options: H1ReplyOptions;
  readonly #res: ServerResponse;
  #started = false;
  #sent = false;
  #closed = false;
  #waiting: Promise<void> | undefined;

  constructor(options: H1ReplyOptions) {
    this.#options = options;
    this.#res = options.res;
  }

  get started(): boolean {
    return this.#started;
  }

  get #dead(): boolean {
    return this.#closed || this.#options.gone.aborted;
  }

  info(status: number, headers: RawHeaders): void {
    // A response that waits behind another one (pipelining) has no socket yet; informational answers may be dropped.
    if (this.#dead || this.#started || this.#res.req.httpVersionMinor === 0 || this.#res.socket === null) return;
    const grouped: Record<string, string[]> = {};
    for (const [name, value] of pairs(headers)) {
      const values = grouped[name] ?? [];
      values.push(value);
      grouped[name] = values;
    }
    this.#guard(() => this.#res.writeInformation(status, grouped));
  }

  head(status: number, headers: RawHeaders): void {
    if (this.#dead || this.#started) return;
    this.#started = true;
    const res = this.#res;
    res.sendDate = false;
    const closing = this.#options.mustClose() || res.req.httpVersionMinor === 0;
    if (closing) res.shouldKeepAlive = false;
    // Tells Node not to write a Connection header of its own.
    else res.removeHeader('connection');
    this.#guard(() => res.writeHead(status, [...headers, ...this.#options.extra]));
    // A first chunk usually follows at once and shares a packet with the head; a head that stays alone leaves by itself.
    setImmediate(() => {
      if (!this.#sent && !this.#dead) res.flushHeaders();
    });
  }

  write(chunk: Uint8Array): boolean {
    if (this.#dead) return true;
    this.#sent = true;
    return this.#res.write(chunk);
  }

  drained(): Promise<void> {
    if (this.#dead || !this.#res.writableNeedDrain) return Promise.resolve();
    this.#waiting ??= new Promise((resolve) => {
      const done = (): void => {
        this.#waiting = undefined;
        this.#res.off('drain', done);
        this.#options.gone.removeEventListener('abort', done);
        resolve();
      };
      this.#res.on('drain', done);
      this.#options.gone.addEventListener('abort', done);
    });
    return this.#waiting;
  }

  end(trailers?: RawHeaders): void {
    if (this.#dead) return;
    this.#close();
    if (trailers !== undefined && trailers.length > 0) {
      this.#guard(() => this.#res.addTrailers(pairs(trailers)));
    }
    this.#res.end();
  }

  abort(): void {
    if (this.#dead) return;
    this.#close();
    const { clock, reset } = this.#options;
    const socket: Duplex | null = this.#res.socket;
    if (socket === null || socket.writableLength === 0) return reset();
    // What was written before (an in-band error event) still goes out; the queue is left alone for a moment.
    const timer = clock.after(ABORT_FLUSH_MS, reset);
    socket.write('', () => {
      timer.clear();
      reset();
    });
  }

  #close(): void {
    this.#closed = true;
    this.#options.onClosed();
  }

  /** Node refuses header names and values that it cannot write safely; such an answer is broken, not repaired. */
  #guard(write: () => void): void {
    try {
      write();
    } catch {
      this.abort();
    }
  }
}
