// SPDX-License-Identifier: Apache-2.0
// The caller's side of an answer over HTTP/2: one stream. Knows nothing of where the answer comes from.

import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../contract/clock.ts';
import { pairs } from '../../contract/http-headers.ts';
import type { RawHeaders, Reply } from '../exchange/call.ts';
import { resetFlushed, untilDrained } from './outflow.ts';

/** RFC 9113, 8.2.2: these have no place in HTTP/2. */
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Keeps Node from adding a Date header; its types have forgotten the option. */
export const NO_DATE: object = { sendDate: false };

export interface H2ReplyOptions {
  readonly stream: ServerHttp2Stream;
  readonly clock: Clock;
  readonly gone: AbortSignal;
  readonly extra: RawHeaders;
}

export class H2Reply implements Reply {
  readonly #options: H2ReplyOptions;
  readonly #stream: ServerHttp2Stream;
  #head: readonly string[] | undefined;
  #started = false;
  #closed = false;
  #trailers: RawHeaders = [];

  constructor(options: H2ReplyOptions) {
    this.#options = options;
    this.#stream = options.stream;
    this.#stream.on('wantTrailers', () => this.#guard(() => this.#stream.sendTrailers(grouped(this.#trailers))));
  }

  get started(): boolean {
    return this.#started;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get #dead(): boolean {
    return this.#closed || this.#stream.destroyed || this.#options.gone.aborted;
  }

  info(status: number, headers: RawHeaders): void {
    if (this.#dead || this.#started) return;
    this.#guard(() => this.#stream.additionalHeaders({ ':status': status, ...grouped(headers) }));
  }

  head(status: number, headers: RawHeaders): void {
    if (this.#dead || this.#started) return;
    this.#started = true;
    this.#head = [':status', String(status), ...permitted([...headers, ...this.#options.extra])];
    // An answer without a body says so in its head (gRPC's trailers-only form needs that), so the head waits for one turn.
    setImmediate(() => this.#flushHead(false));
  }

  write(chunk: Uint8Array): boolean {
    this.#flushHead(false);
    if (this.#dead || this.#stream.writableEnded) return true;
    return this.#stream.write(chunk);
  }

  drained(): Promise<void> {
    return this.#dead ? Promise.resolve() : untilDrained(this.#stream, this.#options.gone);
  }

  end(trailers: RawHeaders = []): void {
    if (this.#dead) return;
    this.#trailers = permitted(trailers);
    this.#flushHead(this.#trailers.length === 0);
    if (this.#dead) return;
    this.#closed = true;
    this.#stream.end();
  }

  abort(): void {
    if (this.#dead) return;
    this.#closed = true;
    this.#head = undefined;
    resetFlushed(this.#stream, this.#options.clock, () => this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  }

  #flushHead(endStream: boolean): void {
    const head = this.#head;
    if (head === undefined || this.#dead) return;
    this.#head = undefined;
    this.#guard(() => this.#stream.respond(head, { ...NO_DATE, endStream, waitForTrailers: !endStream }));
  }

  #guard(write: () => void): void {
    try {
      write();
    } catch {
      this.#head = undefined;
      this.#closed = true;
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }
}

function permitted(headers: RawHeaders): string[] {
  return pairs(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !CONNECTION_SPECIFIC.has(name))
    .flat();
}

function grouped(headers: RawHeaders): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const [name, value] of pairs(permitted(headers))) {
    const values = result[name] ?? [];
    values.push(value);
    result[name] = values;
  }
  return result;
}
