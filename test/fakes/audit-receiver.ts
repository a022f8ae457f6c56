// SPDX-License-Identifier: Apache-2.0
// A control plane that only takes audit rows, in memory and strictly: signed requests, whole chains, each row once. Can be told to answer
// wrongly. Knows the protocol, not the uploader.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { zstdDecompressSync } from 'node:zlib';
import type { Clock } from '../../src/contract/clock.ts';
import { SYNC_ERRORS, type SyncErrorCode } from '../../src/contract/sync/errors.ts';
import { type AuditBatch, auditBatch, type BatchRow } from '../../src/contract/sync/messages.ts';
import { LIMITS, PROTOCOL, PROTOCOL_HEADER, type SignedObject } from '../../src/contract/sync/words.ts';
import { EMPTY_CHAIN, fromHex, headerText, rowHash, toHex } from '../../src/protocol/chain.ts';
import { isFresh, parseSignature, splitTarget, thumbprint, verifyRequest } from '../../src/protocol/http-signature.ts';
import { signObject } from '../../src/protocol/signed-object.ts';

/** What the suites of the upload need of a server; the control plane itself fits, too. */
export interface AuditReceiver {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Id of the device. */
  readonly device: string;
  /** The device's. */
  readonly key: KeyObject;
  readonly keyid: string;
  /** All that is stored of an epoch, by seq. */
  stored(epoch: string): Promise<readonly BatchRow[]>;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  /** The server's. */
  readonly clock: Clock;
  readonly tls?: { readonly key: string; readonly cert: string };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** `'lost'`: the connection is reset instead. A function writes the answer itself. Undefined: the true answer. */
type Instead = Answer | 'lost' | ((response: ServerResponse) => void) | undefined;

interface Epoch {
  readonly rows: Map<number, BatchRow>;
  seq: number;
  hash: string;
}

export class MemoryReceiver implements AuditReceiver {
  readonly device = `d-${'0'.repeat(32)}`;
  readonly key: KeyObject;
  readonly keyid: string;
  readonly epochs = new Map<string, Epoch>();
  /** Batches that were understood, stored or not. */
  readonly batches: AuditBatch[] = [];
  /** Each row that was stored, in the order of arrival. */
  readonly arrivals: { readonly epoch: string; readonly seq: number }[] = [];
  /** Bytes of request bodies, as sent. */
  bytes = 0;
  /** Rows that had come before. */
  repeated = 0;
  /** Names of errors that were answered. */
  readonly errors: SyncErrorCode[] = [];
  readonly lost: NonNullable<AuditBatch['lost']>[] = [];
  /** Rows that cannot be stored with their body. */
  poison: (row: BatchRow, epoch: string) => boolean = () => false;
  /** Batches that are answered with 413. */
  tooLarge: (batch: AuditBatch) => boolean = () => false;
  /** Asked after all else is done. `truth`: what would be answered. */
  instead: (truth: Answer, batch: AuditBatch | undefined) => Instead | Promise<Instead> = () => undefined;

  readonly #now: () => number;
  readonly #server: Server;
  readonly #publicKey: KeyObject;
  readonly #receiptKey: KeyObject;
  readonly #nonces = new Set<string>();
  #port = 0;

  constructor({ clock, tls }: ReceiverOptions) {
    this.#now = () => clock.now();
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#publicKey = publicKey;
    this.key = privateKey;
    this.keyid = thumbprint(publicKey);
    this.#receiptKey = generateKeyPairSync('ed25519').privateKey;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    this.#server.on('tlsClientError', () => undefined);
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  stored(epoch: string): Promise<readonly BatchRow[]> {
    const rows = [...(this.epochs.get(epoch)?.rows.values() ?? [])];
    return Promise.resolve(rows.sort((a, b) => a.seq - b.seq));
  }

  /** As a server that was restored from an older backup. */
  forgetBehind(epoch: string, seq: number): void {
    const known = this.epochs.get(epoch);
    if (known === undefined) return;
    for (const one of known.rows.keys()) if (one > seq) known.rows.delete(one);
    known.seq = seq;
    known.hash = known.rows.get(seq)?.hash ?? toHex(EMPTY_CHAIN.hash);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    this.bytes += body.length;
    let batch: AuditBatch | undefined;
    let truth: Answer;
    const refusal = this.#authenticate(request, body);
    if (refusal !== undefined) truth = refusal;
    else {
      batch = parse(request, body);
      truth = batch === undefined ? this.#error('malformed') : await this.#store(batch);
    }
    const said = (await this.instead(truth, batch)) ?? truth;
    if (said === 'lost') request.socket.resetAndDestroy();
    else if (typeof said === 'function') said(response);
    else write(response, said);
  }

  #authenticate(request: IncomingMessage, body: Buffer): Answer | undefined {
    const { method = '', url = '', headers } = request;
    if (headers[PROTOCOL_HEADER] !== PROTOCOL) return this.#error('protocol');
    const parsed = parseSignature(headers);
    if (!parsed.ok) return this.#error('signature');
    if (parsed.keyid !== this.keyid) return this.#error('reenroll');
    const authority = headers.host ?? '';
    const scheme = 'encrypted' in request.socket ? 'https' : 'http';
    const whole = {
      method,
      ...splitTarget(url),
      authority,
      headers,
      body,
      publicKey: this.#publicKey,
      scheme,
    } as const;
    const verified = verifyRequest(whole);
    if (!verified.ok) return this.#error(verified.problem === 'wrong-digest' ? 'digest' : 'signature');
    const now = this.#now();
    if (!isFresh(verified.created, now / 1000)) return this.#error('clock', { now });
    if (this.#nonces.has(verified.nonce)) return this.#error('replay');
    this.#nonces.add(verified.nonce);
    return method === 'POST' && url === '/v1/audit' ? undefined : this.#error('missing');
  }

  /** All of the batch or nothing. */
  async #store(batch: AuditBatch): Promise<Answer> {
    this.batches.push(batch);
    if (this.tooLarge(batch)) return this.#error('too-large');
    const { epoch, after, rows, lost } = batch;
    const known = this.epochs.get(epoch) ?? { rows: new Map(), seq: 0, hash: toHex(EMPTY_CHAIN.hash) };
    const { seq, hash } = known;
    const skips = lost !== undefined && lost.from <= seq + 1 && lost.to === after.seq;
    if (after.seq > seq && !skips) return this.#error('behind', { ack: { seq, hash } });
    const link = after.seq === seq ? hash : known.rows.get(after.seq)?.hash;
    if (after.seq <= seq && after.seq > 0 && link !== undefined && link !== after.hash) {
      return this.#error('fork', { seq: after.seq });
    }
    let prev = after.hash;
    const fresh: BatchRow[] = [];
    for (const row of rows) {
      const stored = known.rows.get(row.seq);
      if (stored !== undefined && stored.hash !== row.hash) return this.#error('fork', { seq: row.seq });
      if (stored === undefined) {
        if (row.body !== null && !this.#isStorable(epoch, prev, row)) return this.#error('row', { seq: row.seq });
        fresh.push(row);
      }
      prev = row.hash;
    }
    this.repeated += rows.length - fresh.length;
    for (const row of fresh) {
      known.rows.set(row.seq, row);
      this.arrivals.push({ epoch, seq: row.seq });
    }
    if (skips && fresh.length > 0) this.lost.push(lost);
    const last = rows.at(-1);
    if (last !== undefined && last.seq > known.seq) {
      known.seq = last.seq;
      known.hash = last.hash;
    }
    this.epochs.set(epoch, known);
    return this.#acknowledge(epoch, known);
  }

  #isStorable(epoch: string, prev: string, row: BatchRow): boolean {
    const { seq, at, hash, body } = row;
    if (body === null || this.poison(row, epoch) || Buffer.byteLength(body) > LIMITS.row) return false;
    return toHex(rowHash(fromHex(prev), headerText(epoch, seq, at), body)) === hash;
  }

  async #acknowledge(epoch: string, { seq, hash }: Epoch): Promise<Answer> {
    const payload = { v: 1, org: 'acme', device: `d-${'0'.repeat(32)}`, epoch, seq, hash, at: this.#now() };
    const receipt: SignedObject = await signObject('receipt', payload, [{ kid: this.keyid, key: this.#receiptKey }]);
    return { status: 200, body: { ack: { epoch, seq, hash }, receipt } };
  }

  #error(error: SyncErrorCode, more: object = {}): Answer {
    this.errors.push(error);
    const { status, text: message } = SYNC_ERRORS[error];
    return { status, body: { error, message, ...more } };
  }
}

function parse(request: IncomingMessage, body: Buffer): AuditBatch | undefined {
  try {
    const text =
      request.headers['content-encoding'] === 'zstd'
        ? zstdDecompressSync(body, { maxOutputLength: LIMITS.batchText })
        : body;
    return auditBatch.safeParse(JSON.parse(text.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    [PROTOCOL_HEADER]: PROTOCOL,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export const startMemoryReceiver = (options: ReceiverOptions): Promise<MemoryReceiver> =>
  new MemoryReceiver(options).listen();
