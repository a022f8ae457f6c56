// SPDX-License-Identifier: Apache-2.0
// The device's side of a control plane in memory: what it serves is set by the test, what it was asked is kept, and every request may be
// made to go wrong. Verifies signatures as a server must; loopback only.

import { createHash, createPublicKey } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SYNC_ERRORS, type SyncErrorCode } from '../../src/contract/sync/errors.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/limits.ts';
import { type StatusRequest, statusRequest } from '../../src/contract/sync/messages.ts';
import { splitTarget, verifyRequest } from '../../src/protocol/http-signature.ts';
import type { PublishedBundle, SignedWorld } from './signed-world.ts';

/** Done instead of an answer; true: it answered. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface SyncRequest {
  readonly method: string;
  readonly path: string;
  readonly signed: boolean;
  readonly headers: IncomingMessage['headers'];
}

type What = 'discovery' | 'fresh' | 'root' | 'bundle' | 'secrets' | 'status' | 'stream';

const KINDS: readonly (readonly [What, RegExp])[] = [
  ['discovery', /^\/\.well-known\/outpost-sync$/],
  ['fresh', /^\/v1\/o\/[^/]+\/r\/[^/]+\/fresh$/],
  ['root', /^\/v1\/o\/[^/]+\/root\/\d+$/],
  ['bundle', /^\/v1\/o\/[^/]+\/b\/[0-9a-f]{64}$/],
  ['secrets', /^\/v1\/secrets$/],
  ['status', /^\/v1\/status$/],
  ['stream', /^\/v1\/stream$/],
];

export class SyncServer {
  readonly world: SignedWorld;
  /** By ring. */
  readonly fresh = new Map<string, string>();
  readonly bundles = new Map<string, Uint8Array>();
  secrets: string | undefined;
  /** What the answer to a status report says besides the time. */
  answer: { ring: string; reenroll: boolean; user: { name: string; until: number } | null };
  readonly url: string;
  readonly requests: SyncRequest[] = [];
  readonly reports: StatusRequest[] = [];
  /** Called when an answer has left, or will not come. */
  onAnswered: () => void = () => undefined;
  /** Does the server let dates of signatures differ by more than five minutes? */
  anyDate = false;
  readonly #faults = new Map<What, Fault>();
  readonly #streams = new Set<ServerResponse>();
  readonly #server: Server;

  private constructor(world: SignedWorld, server: Server) {
    this.world = world;
    this.answer = { ring: world.ring, reenroll: false, user: null };
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Close it with `close`. */
  static async start(world: SignedWorld): Promise<SyncServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const self = new SyncServer(world, server);
    server.on('request', (request, response) => void self.#serve(request, response));
    return self;
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  count(what: What): number {
    return this.requests.filter(({ path }) => kindOf(path) === what).length;
  }

  offer(bundle: PublishedBundle): void {
    this.bundles.set(bundle.sha256, bundle.bytes);
  }

  /** Every request of the kind meets the fault, until it is taken away with undefined. */
  fault(what: What, fault: Fault | undefined): void {
    if (fault === undefined) this.#faults.delete(what);
    else this.#faults.set(what, fault);
  }

  /** Sends a nudge to every stream. */
  nudge(seq: number, spread = 0): void {
    for (const stream of this.#streams) {
      stream.write(`event: fresh\ndata: ${JSON.stringify({ seq, spread_s: spread })}\n\n`);
    }
  }

  /** Breaks every stream off. */
  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    response.on('close', () => this.onAnswered());
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const target = request.url ?? '';
    const signed = request.headers['signature'] !== undefined;
    const { path } = splitTarget(target);
    const kept: SyncRequest = { method: request.method ?? '', path, signed, headers: request.headers };
    this.requests.push(kept);
    const what = kindOf(path);
    response.setHeader(PROTOCOL_HEADER, PROTOCOL);
    if (what === undefined) return refuse(response, 'missing');
    if (this.#faults.get(what)?.(request, response) === true) return;
    if (signed) {
      const code = this.#signatureProblem(request, target, body);
      if (code !== undefined) return refuse(response, code, code === 'clock' ? { now: this.world.now } : {});
    } else if (what === 'secrets' || what === 'status' || what === 'stream') return refuse(response, 'signature');
    this.#answer(what, path, request, response, body);
  }

  #signatureProblem(request: IncomingMessage, target: string, body: Buffer): SyncErrorCode | undefined {
    const verified = verifyRequest({
      method: request.method ?? '',
      authority: request.headers.host ?? '',
      scheme: 'http',
      ...splitTarget(target),
      headers: request.headers,
      body,
      publicKey: createPublicKey(this.world.signing.key),
    });
    if (!verified.ok) return 'signature';
    return this.anyDate || Math.abs(verified.created * 1000 - this.world.now) <= 300_000 ? undefined : 'clock';
  }

  #answer(what: What, path: string, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const last = path.split('/').at(-1) ?? '';
    switch (what) {
      case 'discovery':
        return json(response, { protocols: [PROTOCOL], server: 'test', now: this.world.now });
      case 'fresh':
        return tagged(request, response, this.fresh.get(path.split('/').at(-2) ?? ''), 'application/jose+json');
      case 'root':
        return tagged(request, response, this.world.roots[Number(last) - 1], 'application/jose+json');
      case 'bundle': {
        const bytes = this.bundles.get(last);
        if (bytes === undefined) return refuse(response, 'missing');
        response.setHeader('content-type', 'application/zstd');
        response.end(bytes);
        return;
      }
      case 'secrets':
        return tagged(request, response, this.secrets, 'application/jose');
      case 'status':
        this.reports.push(statusRequest.parse(JSON.parse(body.toString('utf8'))));
        return json(response, { now: this.world.now, ...this.answer });
      case 'stream':
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
        this.#streams.add(response);
        response.on('close', () => this.#streams.delete(response));
    }
  }
}

function kindOf(path: string): What | undefined {
  return KINDS.find(([, form]) => form.test(path))?.[0];
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

function tagged(request: IncomingMessage, response: ServerResponse, text: string | undefined, type: string): void {
  if (text === undefined) return refuse(response, 'missing');
  const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`;
  response.setHeader('etag', etag);
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader('content-type', type);
  response.end(text);
}

export function refuse(
  response: ServerResponse,
  code: SyncErrorCode,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const { status, text } = SYNC_ERRORS[code];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: code, message: text, ...more }));
}
