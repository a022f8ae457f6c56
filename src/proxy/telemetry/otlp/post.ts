// SPDX-License-Identifier: Apache-2.0
// Owns one POST to the OTLP endpoint and what its answer means. Redirects are not followed: they would take the headers elsewhere. Must
// not know signals or queues.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../../../contract/clock.ts';

/** The default of the OTLP exporter specification. */
const TIMEOUT_MS = 10_000;
/** An answer says how many records were rejected; longer ones are not read. Bytes. */
const MAX_ANSWER = 65_536;
/** Statuses after which the same data may be sent again (OTLP specification, "Failures"). */
const RETRYABLE = new Set([429, 502, 503, 504]);

export type PostResult =
  | { readonly kind: 'ok'; readonly rejected: number }
  /** `afterMs`: the receiver's own wish. */
  | { readonly kind: 'again'; readonly reason: string; readonly afterMs: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Poster {
  /** Never rejects. `path` is added to the endpoint's. */
  post(path: string, body: string): Promise<PostResult>;
  /** Ends what is under way. */
  close(): void;
}

/** `partialSuccess` of the answer: records that the receiver dropped. Answers that are not understood count as none. */
function rejectedRecords(text: string): number {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || !('partialSuccess' in answer)) return 0;
    const { partialSuccess } = answer;
    if (typeof partialSuccess !== 'object' || partialSuccess === null) return 0;
    const counts = Object.entries(partialSuccess)
      .filter(([name]) => name.startsWith('rejected'))
      .map(([, value]) => Number(value));
    return counts.find((count) => count > 0 && Number.isSafeInteger(count)) ?? 0;
  } catch {
    return 0;
  }
}

function classify(answer: IncomingMessage, text: string): PostResult {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'ok', rejected: rejectedRecords(text) };
  const reason = `status ${status}`;
  if (!RETRYABLE.has(status)) return { kind: 'refused', reason };
  const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
  return { kind: 'again', reason, afterMs: seconds >= 0 ? seconds * 1000 : undefined };
}

function errorWord(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'failed';
}

export function createPoster(parts: {
  /** Has passed `endpointProblem`. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Pick<Clock, 'after'>;
  /** Whom to trust; undefined: Node's default. Asked at each request. */
  readonly secureContext: () => SecureContext | undefined;
}): Poster {
  const base = new URL(parts.endpoint);
  const basePath = base.pathname.replace(/\/+$/, '');
  const secure = base.protocol === 'https:';
  // Of our own: the global one may follow proxy variables of the environment.
  const agent = secure ? new HttpsAgent({ keepAlive: true, maxSockets: 3 }) : new HttpAgent({ keepAlive: true });
  const stop = new AbortController();

  function options(path: string, length: number): RequestOptions {
    const context = parts.secureContext();
    return {
      method: 'POST',
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? (secure ? 443 : 80) : base.port,
      path: `${basePath}${path}`,
      headers: { ...parts.headers, 'content-type': 'application/json', 'content-length': length },
      agent,
      // Said outright: NODE_TLS_REJECT_UNAUTHORIZED must not loosen it.
      ...(secure ? { rejectUnauthorized: true, ...(context === undefined ? {} : { secureContext: context }) } : {}),
    };
  }

  return {
    post(path, body) {
      const bytes = Buffer.from(body);
      const abort = new AbortController();
      const timer = parts.clock.after(TIMEOUT_MS, () => abort.abort());
      const { promise, resolve } = Promise.withResolvers<PostResult>();
      const failed = (error: unknown) =>
        resolve({
          kind: 'again',
          reason: abort.signal.aborted ? 'timeout' : errorWord(error),
          afterMs: undefined,
        });
      try {
        const send = secure ? httpsRequest : httpRequest;
        const call = send({ ...options(path, bytes.length), signal: AbortSignal.any([abort.signal, stop.signal]) });
        call.on('error', failed);
        call.on('response', (answer) => {
          const pieces: Buffer[] = [];
          let size = 0;
          answer.on('data', (piece: Buffer) => {
            size += piece.length;
            if (size <= MAX_ANSWER) {
              pieces.push(piece);
              return;
            }
            resolve(classify(answer, ''));
            answer.destroy();
          });
          answer.on('error', failed);
          answer.on('close', () => resolve(classify(answer, Buffer.concat(pieces).toString())));
        });
        call.end(bytes);
      } catch (error) {
        // A header that HTTP cannot carry.
        resolve({ kind: 'refused', reason: errorWord(error) });
      }
      return promise.finally(() => timer.clear());
    },
    close() {
      stop.abort();
      agent.destroy();
    },
  };
}
