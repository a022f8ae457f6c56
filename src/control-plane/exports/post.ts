// SPDX-License-Identifier: Apache-2.0
// One request to a receiver and its whole answer. Redirects are not followed: they would take rows and keys elsewhere. Knows nothing of
// rows.

import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../contract/clock.ts';

/** Milliseconds for the whole of it. */
export const PATIENCE = 20_000;
/** Bytes of an answer, unless somebody waits for more; what is longer is not read. */
const MOST_ANSWER = 1_048_576;

export interface Outgoing {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Bytes that the answer may have where more than usual is asked for. */
  readonly expects?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** The receiver's own wish; milliseconds. */
  readonly retryAfter: number | undefined;
}

export interface Poster {
  /** Rejects when there is no answer, or not all of one, with a word for people. */
  send(outgoing: Outgoing): Promise<Answer>;
  /** Ends what is under way. */
  close(): void;
}

/** @param ca trusted instead of the system's authorities */
export function createPoster(clock: Pick<Clock, 'after'>, ca: string | undefined): Poster {
  // Of our own: the global ones may follow proxy variables of the environment.
  const secure = new HttpsAgent({
    keepAlive: true,
    minVersion: 'TLSv1.2',
    // Said outright: NODE_TLS_REJECT_UNAUTHORIZED must not loosen it.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  });
  const plain = new HttpAgent({ keepAlive: true });
  const stop = new AbortController();
  return {
    async send({ method, url, headers, body, expects = 0 }) {
      const { protocol, hostname, port, pathname } = new URL(url);
      const https = protocol === 'https:';
      const patience = new AbortController();
      const timer = clock.after(PATIENCE, () => patience.abort());
      const options: RequestOptions = {
        method,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? (https ? 443 : 80) : port,
        path: pathname,
        headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': body.length }) },
        agent: https ? secure : plain,
        signal: AbortSignal.any([patience.signal, stop.signal]),
      };
      try {
        return await exchange(https ? httpsRequest : httpRequest, options, body, Math.max(MOST_ANSWER, expects));
      } catch (error) {
        throw new Error(patience.signal.aborted ? 'no answer in time' : wordOf(error));
      } finally {
        timer.clear();
      }
    },
    close() {
      stop.abort();
      secure.destroy();
      plain.destroy();
    },
  };
}

function exchange(ask: typeof httpRequest, options: RequestOptions, body: Buffer, most: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = ask(options, (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      response.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size <= most) pieces.push(piece);
        else response.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('close', () => {
        // Half an answer is none: what was cut off may have said that nothing was taken.
        if (!response.complete) return reject(new Error('the answer was cut off'));
        const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
        const retryAfter = seconds >= 0 ? seconds * 1000 : undefined;
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces), retryAfter });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Codes of the system and of TLS; the message of anything else is our own. Never what a receiver said. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const { code } = error as Error & { readonly code?: unknown };
  return typeof code === 'string' ? code : error.message;
}
