// SPDX-License-Identifier: Apache-2.0
// Requests to the control plane: signed where asked for, on connections of their own, with one deadline for all of it, an answer that is
// whole or none, and never more of it than allowed. Knows whom to trust; nothing of what is asked or what an answer means.

import { randomBytes } from 'node:crypto';
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../contract/clock.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/limits.ts';
import { type RequestToSign, signRequest } from '../../protocol/http-signature.ts';

/** An idle connection is given up before most load balancers do. Milliseconds. */
const IDLE_MS = 30_000;
/** More than one round or report is never under way. */
const MOST_SOCKETS = 4;

export interface Signer {
  /** Thumbprint of the public key. */
  readonly kid: string;
  readonly key: RequestToSign['key'];
  /** Seconds since the Unix epoch, by the server's clock. */
  readonly created: number;
}

export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Without a slash in front: a server's URL may have a path of its own. */
  readonly path: string;
  /** Asked again for each attempt: a signature counts once. undefined: not signed. */
  readonly signer?: (() => Signer) | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Most bytes of the answer. */
  readonly most: number;
  /** From now to the last byte of the answer. */
  readonly ms: number;
}

export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly body: Buffer;
    }
  /** No whole answer came. `why`: the system's or OpenSSL's code, or `deadline`, `closed`, `too-large`, `cut-off`, `encoded`. */
  | { readonly kind: 'none'; readonly why: string };

export interface Streamed extends Omit<Asked, 'method' | 'body' | 'most' | 'ms'> {
  /** To the head of the answer. */
  readonly headMs: number;
  /** The head has come. False ends it, and its body is dropped. */
  readonly onHead: (status: number, headers: Readonly<Record<string, unknown>>) => boolean;
  readonly onBytes: (bytes: Uint8Array) => void;
  /** Called once, last. */
  readonly onEnd: (why: string) => void;
}

export interface Http {
  /** Never rejects. A redirect is an answer like any other: nothing is sent elsewhere. */
  ask(asked: Asked): Promise<Reply>;
  /** A GET whose answer does not end. Returns what ends it. */
  stream(streamed: Streamed): () => void;
  /** The machine slept, or changed its network: new requests take new connections. */
  retire(): void;
  /** Breaks off what is under way. */
  close(): void;
}

export interface HttpOptions {
  /** Base URL of the control plane; `http:` on loopback only. */
  readonly url: string;
  /** PEM texts: all that is trusted for it. Asked when a connection is made for the first time. */
  readonly roots: () => Promise<readonly string[]>;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
}

/** Its message is a code. */
class Problem extends Error {}

type Open = (options: RequestOptions) => ClientRequest;

export function createHttp({ url, roots, version, clock }: HttpOptions): Http {
  const base = new URL(url.endsWith('/') ? url : `${url}/`);
  const underWay = new Set<(why: string) => void>();
  let closed = false;
  let opening: Promise<{ readonly open: Open; readonly agent: Agent }> | undefined;

  /** Loaded on use: most devices have no organisation. */
  async function connections(): Promise<{ readonly open: Open; readonly agent: Agent }> {
    const kept = { keepAlive: true, maxSockets: MOST_SOCKETS, timeout: IDLE_MS };
    if (base.protocol === 'http:') {
      const { Agent: HttpAgent, request } = await import('node:http');
      return { open: request, agent: new HttpAgent(kept) };
    }
    const { Agent: HttpsAgent, request } = await import('node:https');
    const secureContext = createSecureContext({
      // Given even when empty: without it Node would fall back to its defaults, which the environment extends.
      ca: [...(await roots())],
      minVersion: 'TLSv1.2',
      allowPartialTrustChain: false,
    });
    // Said outright: the environment could loosen it.
    return { open: request, agent: new HttpsAgent({ ...kept, secureContext, rejectUnauthorized: true }) };
  }

  async function begin(
    asked: Omit<Asked, 'most' | 'ms'>,
    isOver: () => boolean,
  ): Promise<{ request: ClientRequest; body: Buffer }> {
    opening ??= connections();
    // Roots that could not be read may be readable later.
    opening.catch(() => {
      opening = undefined;
    });
    const { open, agent } = await opening;
    // Nothing is signed that nobody waits for any more.
    if (closed || isOver()) throw new Problem('closed');
    const target = new URL(asked.path, base);
    const body = asked.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(asked.body), 'utf8');
    const signer = asked.signer?.();
    const nonce = randomBytes(16).toString('base64url');
    const signed =
      signer === undefined
        ? {}
        : signRequest({
            method: asked.method,
            url: target,
            body,
            key: signer.key,
            keyid: signer.kid,
            created: signer.created,
            nonce,
          });
    const request = open({
      method: asked.method,
      protocol: target.protocol,
      hostname: target.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: target.port,
      path: `${target.pathname}${target.search}`,
      agent,
      headers: {
        ...asked.headers,
        ...signed,
        [PROTOCOL_HEADER]: PROTOCOL,
        'user-agent': `outpost/${version}`,
        'accept-encoding': 'identity',
        ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(asked.method === 'POST' ? { 'content-length': body.length } : {}),
      },
    });
    return { request, body };
  }

  /** One attempt. `stale`: a kept connection had been closed by the server just when it was used again, which is no failure. */
  async function attempt(asked: Asked, ended: { why: string | undefined }, onRequest: (abort: () => void) => void) {
    const { request, body } = await begin(asked, () => ended.why !== undefined);
    const failed = (why: string, stale = false) => ({ reply: { kind: 'none', why } as const, stale });
    return new Promise<{ readonly reply: Reply; readonly stale: boolean }>((resolve) => {
      onRequest(() => request.destroy());
      let answered = false;
      request.on('response', (response) => {
        answered = true;
        // Said again by what reads it.
        response.on('error', () => undefined);
        readWhole(response, asked.most).then(
          (whole) => {
            const { statusCode: status = 0, headers } = response;
            resolve({ reply: { kind: 'answer', status, headers, body: whole }, stale: false });
          },
          (error: unknown) => {
            request.destroy();
            resolve(failed(codeOf(error)));
          },
        );
      });
      request.on('error', (error) => resolve(failed(codeOf(error), request.reusedSocket && isReset(error))));
      // Closed as soon as its answer has come, before that is read.
      request.on('close', () => {
        if (!answered) resolve(failed('cut-off'));
      });
      request.end(body);
    });
  }

  return {
    async ask(asked) {
      const ended: { why: string | undefined } = { why: undefined };
      const { promise: broken, resolve: breakOff } = Promise.withResolvers<Reply>();
      let abort = (): void => undefined;
      const end = (why: string): void => {
        ended.why ??= why;
        abort();
        breakOff({ kind: 'none', why: ended.why });
      };
      underWay.add(end);
      // Not the socket's idle time: that does not run while a request waits for a connection.
      const deadline = clock.after(asked.ms, () => end('deadline'));
      const run = async (): Promise<Reply> => {
        for (let first = true; ; first = false) {
          const { reply, stale } = await attempt(asked, ended, (stop) => {
            abort = stop;
          });
          if (!stale || !first || ended.why !== undefined) return reply;
        }
      };
      try {
        if (closed) return { kind: 'none', why: 'closed' };
        return await Promise.race([run(), broken]);
      } catch (error) {
        return { kind: 'none', why: codeOf(error) };
      } finally {
        deadline.clear();
        underWay.delete(end);
      }
    },

    stream(streamed) {
      let over = false;
      let abort = (): void => undefined;
      const end = (why: string): void => {
        if (over) return;
        over = true;
        head.clear();
        underWay.delete(end);
        abort();
        streamed.onEnd(why);
      };
      underWay.add(end);
      const head = clock.after(streamed.headMs, () => end('deadline'));
      const open = async (): Promise<void> => {
        const { request } = await begin({ ...streamed, method: 'GET' }, () => over);
        request.on('error', (error) => end(codeOf(error)));
        request.on('close', () => end('cut-off'));
        abort = () => request.destroy();
        request.on('response', (response) => {
          head.clear();
          response.on('error', (error) => end(codeOf(error)));
          if (!streamed.onHead(response.statusCode ?? 0, response.headers)) return end('refused');
          response.on('data', (bytes: Buffer) => {
            if (!over) streamed.onBytes(bytes);
          });
          response.on('end', () => end('ended'));
        });
        request.end();
      };
      open().catch((error: unknown) => end(codeOf(error)));
      return () => end('closed');
    },

    retire() {
      // Idle ones of the old agent end by themselves.
      opening = undefined;
    },

    close() {
      closed = true;
      for (const end of [...underWay]) end('closed');
      opening?.then(
        ({ agent }) => agent.destroy(),
        () => undefined,
      );
    },
  };
}

/** The body as it was sent. Throws when it is cut off, compressed, too long, or of a length that nobody said. */
async function readWhole(response: IncomingMessage, most: number): Promise<Buffer> {
  const { headers, statusCode } = response;
  const coding = headers['content-encoding'];
  // Not asked for; unpacking it could fill the memory.
  if (coding !== undefined && coding !== 'identity') throw new Problem('encoded');
  // Otherwise its end cannot be told from a connection that broke.
  const delimited = headers['content-length'] !== undefined || headers['transfer-encoding'] === 'chunked';
  if (!delimited && statusCode !== 304 && statusCode !== 204) throw new Problem('undelimited');
  if (Number(headers['content-length'] ?? 0) > most) throw new Problem('too-large');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new Problem('too-large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** A code for log and status; never a text that the server could have written. */
function codeOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  if (!(error instanceof Error)) return 'internal';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
