// SPDX-License-Identifier: Apache-2.0
// What an entrance (intercept, gateway) hands to the exchange: one HTTP call or one WebSocket upgrade, decrypted, already
// checked for framing and authority. Types only. Knows nothing of providers, policy or audit.

import type { Duplex, Readable } from 'node:stream';
import type { Owner, Peer } from '../identity/owner.ts';

/** Header names and values alternating, in the order and case in which they came (node's `rawHeaders`). */
export type RawHeaders = readonly string[];

export interface Connection {
  /** Unique in this process. */
  readonly id: string;
  readonly peer: Peer;
  /** Which process opened it. Never rejects; undefined when unknown, or not yet known after 50 ms: to be asked anew for each call. */
  owner(): Promise<Owner | undefined>;
  /** The same, but waits up to 2 s: for decisions that turn on the process. Never rejects. */
  ownerSettled(): Promise<Owner | undefined>;
  /** What was negotiated with the client; absent without TLS. */
  readonly tls?: { readonly version: string; readonly cipher: string; readonly sni: string | undefined };
}

interface CallBase {
  readonly entrance: 'intercept' | 'gateway';
  readonly scheme: 'https' | 'http';
  /** Lower-case host (no port) that the client believes it talks to; for the gateway: empty, `provider` rules. */
  readonly host: string;
  readonly port: number;
  /** Gateway only: the first path segment. */
  readonly provider?: string;
  readonly method: string;
  /** Path and query exactly as sent; for the gateway: without the first segment. */
  readonly target: string;
  /** As sent, without HTTP/2 pseudo headers. Hop-by-hop headers are still in it. */
  readonly headers: RawHeaders;
  readonly connection: Connection;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
}

export interface HttpCall extends CallBase {
  readonly kind: 'http';
  readonly protocol: 'http/1.1' | 'h2';
  /** Paused until read. Ends at once where there is no body. An error or close before 'end' means that the client left. */
  readonly body: Readable;
  readonly hasBody: boolean;
  /** HTTP/1.1 trailers or HTTP/2 trailing headers of the request, once `body` has ended. */
  requestTrailers(): RawHeaders;
  readonly reply: Reply;
}

/** The caller's side of the answer. Exactly one of `end` or `abort` closes it. Calls after the client left do nothing. */
export interface Reply {
  readonly started: boolean;
  /** An informational answer (103 and its like; never 101). */
  info(status: number, headers: RawHeaders): void;
  head(status: number, headers: RawHeaders): void;
  /** False: wait for `drained` before more. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when the buffer is empty again, or the client has gone. */
  drained(): Promise<void>;
  end(trailers?: RawHeaders): void;
  /** Ends visibly broken: RST of the stream or destruction of the socket. Never a clean end. */
  abort(): void;
}

export interface UpgradeCall extends CallBase {
  readonly kind: 'upgrade';
  /** Lower-case value of the Upgrade header; 'websocket' is the one that is understood. */
  readonly upgrade: string;
  /** The client's socket after its request head; nothing has been answered. The exchange owns it from here. */
  readonly socket: Duplex;
  /** Bytes that already came after the head. */
  readonly early: Buffer;
}

export type Call = HttpCall | UpgradeCall;

/** The exchange, as the entrances see it. Never rejects: every failure has been answered, logged and recorded. */
export type HandleCall = (call: Call) => Promise<void>;
