// SPDX-License-Identifier: Apache-2.0
// What the simulated provider remembers of each request, and waiting for a memory to come true.

import { createHash, type Hash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../../src/contract/clock.ts';

export type RequestState = 'receiving' | 'answering' | 'answered' | 'client-left' | 'broken';

/** Live: fields change while the request goes on. */
export interface RecordedRequest {
  /** 1 for the first request of this server. */
  readonly serial: number;
  readonly method: string;
  /** Path and query exactly as they came. */
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly kind: 'http' | 'websocket';
  /** Unique for each TCP connection of this server. */
  readonly connection: number;
  readonly tls:
    | { readonly version: string; readonly sni: string | undefined; readonly alpn: string | undefined }
    | undefined;
  /** Monotonic milliseconds of the server's clock. */
  readonly arrivedAt: number;
  /** The body as it came, content coding included; at most `keepBodyBytes` of it. */
  readonly body: Buffer;
  readonly bodyBytes: number;
  /** Hex, over the whole body, once it has ended. */
  readonly bodySha256: string | undefined;
  readonly trailers: readonly string[];
  /** `broken`: this server broke it off on purpose. */
  readonly state: RequestState;
  /** Monotonic milliseconds at which the client was seen to leave. */
  readonly leftAt: number | undefined;
  readonly bytesSent: number;
  readonly eventsSent: number;
  /** What was written waits: the connection takes no more until the other side reads. */
  readonly blocked: boolean;
  /** Messages of a WebSocket, as text. */
  readonly messages: readonly string[];
  /** First value of a header, by any case. */
  header(name: string): string | undefined;
  json(): unknown;
}

export class Recording implements RecordedRequest {
  readonly serial: number;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly kind: 'http' | 'websocket';
  readonly connection: number;
  readonly tls: RecordedRequest['tls'];
  readonly arrivedAt: number;
  readonly messages: string[] = [];
  bodyBytes = 0;
  bodySha256: string | undefined;
  trailers: readonly string[] = [];
  state: RequestState = 'receiving';
  leftAt: number | undefined;
  bytesSent = 0;
  eventsSent = 0;
  readonly #chunks: Buffer[] = [];
  readonly #keep: number;
  readonly #hash: Hash = createHash('sha256');
  readonly #tcp: Pick<Socket, 'writableLength'>;

  constructor(
    known: Pick<
      RecordedRequest,
      'serial' | 'method' | 'target' | 'httpVersion' | 'rawHeaders' | 'kind' | 'connection' | 'tls' | 'arrivedAt'
    >,
    keepBodyBytes: number,
    tcp: Pick<Socket, 'writableLength'>,
  ) {
    this.#tcp = tcp;
    this.serial = known.serial;
    this.method = known.method;
    this.target = known.target;
    this.httpVersion = known.httpVersion;
    this.rawHeaders = known.rawHeaders;
    this.kind = known.kind;
    this.connection = known.connection;
    this.tls = known.tls;
    this.arrivedAt = known.arrivedAt;
    this.#keep = keepBodyBytes;
  }

  take(chunk: Buffer): void {
    this.#hash.update(chunk);
    const room = this.#keep - Math.min(this.#keep, this.bodyBytes);
    if (room > 0) this.#chunks.push(chunk.subarray(0, room));
    this.bodyBytes += chunk.length;
  }

  bodyEnded(trailers: readonly string[]): void {
    this.bodySha256 = this.#hash.copy().digest('hex');
    this.trailers = trailers;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get blocked(): boolean {
    return this.#tcp.writableLength > 0;
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    for (let i = 0; i < this.rawHeaders.length; i += 2) {
      if (this.rawHeaders[i]?.toLowerCase() === wanted) return this.rawHeaders[i + 1];
    }
    return undefined;
  }

  json(): unknown {
    return JSON.parse(this.body.toString('utf8'));
  }
}

interface Waiter<T> {
  readonly holds: (item: T) => boolean;
  readonly resolve: (item: T) => void;
}

/** A list whose readers can wait for an item to come or to change. */
export class Memory<T> {
  readonly items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(item: T): void {
    this.items.push(item);
    this.changed(item);
  }

  changed(item: T): void {
    for (const waiter of this.#waiters) {
      if (waiter.holds(item)) {
        this.#waiters.delete(waiter);
        waiter.resolve(item);
      }
    }
  }

  /** Resolves with the first item for which `holds` is or becomes true. Rejects after `deadlineMs`. */
  waitFor(holds: (item: T) => boolean, deadlineMs: number): Promise<T> {
    const found = this.items.find(holds);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise<T>((resolve, reject) => {
      const waiter: Waiter<T> = {
        holds,
        resolve: (item) => {
          timer.clear();
          resolve(item);
        },
      };
      const timer = this.#clock.after(deadlineMs, () => {
        this.#waiters.delete(waiter);
        reject(new Error(`no request as awaited within ${deadlineMs} ms; ${this.items.length} came`));
      });
      this.#waiters.add(waiter);
    });
  }
}
