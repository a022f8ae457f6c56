// SPDX-License-Identifier: Apache-2.0
// One answer on an HTTP/1.1 or HTTP/2 connection, with the ways to break it that Node's response objects do not offer.

import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

export type AnyResponse = ServerResponse | Http2ServerResponse;

export interface Wire {
  readonly gone: boolean;
  /** Aborted when the connection or stream has closed, whoever closed it. */
  readonly closed: AbortSignal;
  hints(): void;
  /** Trailers are announced where the protocol wants it. `length` undefined: chunked. */
  head(status: number, headers: readonly string[], length: number | undefined, trailers: readonly string[]): void;
  /** Resolves when the bytes are handed to the kernel, or the client has gone. */
  write(bytes: Buffer): Promise<void>;
  end(): void;
  /** TCP FIN with the answer unfinished. */
  close(): void;
  /** TCP RST (HTTP/2: RST_STREAM). */
  reset(): void;
}

const TRAILER = ['x-simulated-trailer', 'present'] as const;

function isH2(res: AnyResponse): res is Http2ServerResponse {
  return 'stream' in res;
}

/** @param tcp the raw TCP socket below TLS and HTTP; a reset must happen there */
export function createWire(res: AnyResponse, tcp: Socket): Wire {
  const left = new AbortController();
  res.once('close', () => left.abort());
  const writeBytes = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (left.signal.aborted) return resolve();
      const done = () => {
        left.signal.removeEventListener('abort', done);
        resolve();
      };
      left.signal.addEventListener('abort', done, { once: true });
      if (isH2(res)) res.write(bytes, 'utf8', done);
      else res.write(bytes, done);
    });
  return {
    get gone() {
      return left.signal.aborted;
    },
    closed: left.signal,
    hints() {
      if (isH2(res)) res.stream.additionalHeaders({ ':status': 103, link: '</simulated>; rel=preload' });
      else res.writeEarlyHints({ link: '</simulated>; rel=preload' });
    },
    head(status, headers, length, trailers) {
      if (left.signal.aborted) return;
      const all = [...headers, ...(length === undefined ? [] : ['content-length', String(length)])];
      if (isH2(res)) {
        for (let i = 0; i < all.length; i += 2) res.appendHeader(all[i] ?? '', all[i + 1] ?? '');
        if (trailers.length > 0) res.addTrailers({ [TRAILER[0]]: TRAILER[1] });
        res.writeHead(status);
        return;
      }
      // An explicit list keeps order and repeats; Node adds chunked framing on its own.
      res.writeHead(status, trailers.length > 0 ? [...all, 'trailer', TRAILER[0]] : all);
      if (trailers.length > 0) res.addTrailers({ [TRAILER[0]]: TRAILER[1] });
      res.flushHeaders();
      // Each event is to be its own segment, whatever Nagle thinks.
      res.socket?.setNoDelay(true);
    },
    write: writeBytes,
    end() {
      if (!left.signal.aborted) res.end();
    },
    close() {
      // Node's own session.destroy() would end the streams with NO_ERROR, which clients take for a clean end.
      if (isH2(res)) tcp.destroy();
      else res.socket?.destroy();
    },
    reset() {
      if (isH2(res))
        res.stream.close(2); // INTERNAL_ERROR
      else tcp.resetAndDestroy();
    },
  };
}

export const SIMULATED_TRAILER: readonly string[] = TRAILER;
