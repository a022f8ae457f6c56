// SPDX-License-Identifier: Apache-2.0
// One signed POST at a time on one connection that is kept: with one deadline for all of it, an answer that is whole or none, and never
// more of it than allowed. Knows HTTP and whom to trust; nothing of rows or of what an answer means.

import { randomBytes } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../contract/clock.ts';
import { LIMITS, PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/limits.ts';
import { signRequest } from '../../protocol/http-signature.ts';
import type { Reply } from './answer.ts';
import type { UploadTarget } from './upload-protocol.ts';

/** An idle connection is given up before most load balancers do. Milliseconds. */
const IDLE_MS = 30_000;

export interface PosterOptions {
  readonly clock: Clock;
  /** Milliseconds for one `post`, from the call to the last byte of the answer. */
  readonly postMs: number;
}

export class Poster {
  readonly #options: PosterOptions;
  /** For the server and the roots of the last request. */
  #agent: { readonly to: string; readonly agent: HttpAgent } | undefined;
  #abort: (() => void) | undefined;
  #closed = false;

  constructor(options: PosterOptions) {
    this.#options = options;
  }

  /** Sends compressed JSON to `v1/audit`. Never rejects. A redirect is an answer like any other: nothing is sent elsewhere. */
  async post(target: UploadTarget, body: Buffer): Promise<Reply> {
    const { clock, postMs } = this.#options;
    let late = false;
    // Not the socket's idle time: that does not run while a request waits for a connection. Source: sync-audit 3.
    const deadline = clock.after(postMs, () => {
      late = true;
      this.#abort?.();
    });
    try {
      for (let attempt = 1; ; attempt++) {
        const { reply, stale } = await this.#try(target, body);
        // The server closed a connection that was idle just when we used it again: that is no failure.
        if (stale && attempt === 1 && !late && !this.#closed) continue;
        return late ? { kind: 'none', why: 'deadline' } : reply;
      }
    } finally {
      deadline.clear();
    }
  }

  /** Breaks off what is under way. */
  close(): void {
    this.#closed = true;
    this.#abort?.();
    this.#agent?.agent.destroy();
  }

  #try(target: UploadTarget, body: Buffer): Promise<{ readonly reply: Reply; readonly stale: boolean }> {
    return new Promise((resolve) => {
      const fail = (why: string, stale = false): void => resolve({ reply: { kind: 'none', why }, stale });
      let answered = false;
      let request: ClientRequest;
      try {
        request = this.#open(target, body);
      } catch (error) {
        return fail(codeOf(error));
      }
      this.#abort = () => request.destroy();
      request.on('response', (response) => {
        answered = true;
        // Said again by what reads it.
        response.on('error', () => undefined);
        readWhole(response).then(
          (whole) => {
            const { statusCode: status = 0, headers } = response;
            resolve({ reply: { kind: 'answer', status, headers, body: whole }, stale: false });
          },
          (error: unknown) => {
            request.destroy();
            fail(codeOf(error));
          },
        );
      });
      request.on('error', (error) => fail(codeOf(error), request.reusedSocket && isReset(error)));
      // With an answer under way, whoever reads it says how it ends: this comes earlier.
      request.on('close', () => answered || fail('cut-off'));
      request.end(body);
    });
  }

  #open(target: UploadTarget, body: Buffer): ClientRequest {
    if (this.#closed) throw new Problem('closed');
    const { key, keyid, deltaMs } = target;
    const url = new URL('v1/audit', target.url.endsWith('/') ? target.url : `${target.url}/`);
    const created = Math.floor((this.#options.clock.now() + deltaMs) / 1000);
    const nonce = randomBytes(16).toString('base64url');
    const signed = signRequest({ method: 'POST', url, body, key, keyid, created, nonce });
    const options = {
      method: 'POST',
      agent: this.#agentFor(url, target.caPems),
      headers: {
        ...signed,
        [PROTOCOL_HEADER]: PROTOCOL,
        'content-type': 'application/json',
        'content-encoding': 'zstd',
        'content-length': body.length,
        accept: 'application/json',
        'accept-encoding': 'identity',
      },
    };
    return url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
  }

  #agentFor(url: URL, caPems: readonly string[]): HttpAgent {
    const to = [url.origin, ...caPems].join('\n');
    if (this.#agent?.to === to) return this.#agent.agent;
    this.#agent?.agent.destroy();
    const kept = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    const agent =
      url.protocol === 'https:'
        ? new HttpsAgent({
            ...kept,
            // Said outright: the environment could loosen both.
            rejectUnauthorized: true,
            secureContext: createSecureContext({
              ca: [...caPems],
              minVersion: 'TLSv1.2',
              allowPartialTrustChain: false,
            }),
          })
        : new HttpAgent(kept);
    this.#agent = { to, agent };
    return agent;
  }
}

/** Its message is a code. */
class Problem extends Error {}

/** The body as it was sent. Throws when it is cut off, compressed, too long, or of a length that nobody said. */
async function readWhole(response: IncomingMessage): Promise<Buffer> {
  const { headers } = response;
  const coding = headers['content-encoding'];
  // Not asked for; unpacking it could fill the memory.
  if (coding !== undefined && coding !== 'identity') throw new Problem('answer-encoded');
  // Otherwise its end cannot be told from a connection that broke.
  const delimited = headers['content-length'] !== undefined || headers['transfer-encoding'] === 'chunked';
  if (!delimited) throw new Problem('answer-undelimited');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LIMITS.document) throw new Problem('answer-too-long');
    chunks.push(chunk);
  }
  if (!response.complete) throw new Problem('cut-off');
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
