// SPDX-License-Identifier: Apache-2.0
// The caller's side of an answer over HTTP/1.1: header case and order as given, nothing added but framing. Knows nothing of
// where the answer comes from.

import type { ServerResponse } from 'node:http';
import type { Clock } from '../../contract/clock.ts';
import { pairs } from '../../contract/http-headers.ts';
import type { RawHeaders, Reply } from '../exchange/call.ts';
import { resetFlushed, untilDrained } from './outflow.ts';

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
}

export class H1Reply implements Reply {
  readonly #options: H1ReplyOptions;
  readonly #res: ServerResponse;
  #started = false;
  #sent = false;
  #closed = false;

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
    return this.#dead ? Promise.resolve() : untilDrained(this.#res, this.#options.gone);
  }

  end(trailers?: RawHeaders): void {
    if (this.#dead) return;
    this.#closed = true;
    if (trailers !== undefined && trailers.length > 0) {
      this.#guard(() => this.#res.addTrailers(pairs(trailers)));
    }
    this.#res.end();
  }

  abort(): void {
    if (this.#dead) return;
    this.#closed = true;
    const { clock, reset } = this.#options;
    const { socket } = this.#res;
    if (socket === null) reset();
    else resetFlushed(socket, clock, reset);
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
