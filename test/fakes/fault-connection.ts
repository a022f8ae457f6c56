// SPDX-License-Identifier: Apache-2.0
// One connection through the fault proxy: moves bytes between client and server and does to them what its faults say. Does not know
// which fault comes next, nor what the bytes mean, but for the blank line behind an HTTP head.

import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Fault, FaultProxy, Way } from './fault-proxy.ts';

/** What has passed in one direction since the fault was drawn. */
interface Passed {
  bytes: number;
  /** Until the blank line is found: what was seen. */
  head: Buffer;
  /** Bytes before the body, once known. */
  bodyAt: number | undefined;
}

/** The connection, or one request and its answer, under one fault. */
interface Turn {
  readonly fault: Fault;
  readonly request: Passed;
  readonly response: Passed;
  /** Where the request goes; nowhere: it is swallowed. */
  to: Duplex | undefined;
  counted: boolean;
}

export class FaultConnection {
  /** Resolves when both sides are gone. */
  readonly closed: Promise<void>;
  readonly #proxy: FaultProxy;
  readonly #raw: Socket;
  /** The client, its bytes in the clear if the proxy speaks TLS. */
  readonly #client: Socket;
  readonly #gone = Promise.withResolvers<void>();
  #openSides = 1;
  #server: Socket | undefined;
  /** Our own end of the server that says 503. */
  #busy: Duplex | undefined;
  #turn: Turn | undefined;

  constructor(proxy: FaultProxy, raw: Socket) {
    this.#proxy = proxy;
    this.#raw = raw;
    raw.on('error', () => undefined);
    this.#client = proxy.tls === undefined ? raw : new TLSSocket(raw, { isServer: true, ...proxy.tls });
    this.#client.on('error', () => undefined);
    this.closed = this.#gone.promise;
    raw.once('close', () => this.#left());
    if (proxy.per === 'connection' && !proxy.silent) this.#begin();
    void this.#readRequests();
  }

  /** RST to both sides. */
  reset(): void {
    if (this.#server !== undefined) reset(this.#server);
    reset(this.#raw, this.#client);
  }

  /** The client's side is closed. A server whose answer is to be lost may finish it first. */
  #left(): void {
    this.#busy?.destroy();
    if (this.#turn?.fault.kind !== 'lost-answer' || !this.#turn.counted) this.#server?.destroy();
    this.#sideClosed();
  }

  #sideClosed(): void {
    this.#openSides -= 1;
    if (this.#openSides === 0) this.#gone.resolve();
  }

  #begin(): Turn {
    const fault = this.#proxy.draw();
    const passed = (): Passed => ({ bytes: 0, head: Buffer.alloc(0), bodyAt: undefined });
    const turn: Turn = { fault, request: passed(), response: passed(), to: undefined, counted: false };
    this.#turn = turn;
    switch (fault.kind) {
      case 'refuse':
        this.#count(turn);
        void this.#proxy.refuse(fault.steps);
        this.reset();
        break;
      case 'blackhole':
        this.#count(turn);
        break;
      case '503':
        turn.to = this.#sayBusy(fault.retryAfter);
        break;
      default:
        if (fault.kind === 'reset' && fault.way !== 'response' && (fault.after ?? 0) === 0) {
          this.#count(turn);
          this.reset();
          break;
        }
        if (fault.kind === 'ok') this.#count(turn);
        turn.to = this.#dial();
    }
    return turn;
  }

  #count(turn: Turn): void {
    if (turn.counted) return;
    turn.counted = true;
    this.#proxy.count(turn.fault.kind);
  }

  #dial(): Socket {
    if (this.#server !== undefined) return this.#server;
    const server = connect({ port: this.#proxy.target, host: '127.0.0.1', noDelay: true });
    this.#server = server;
    this.#openSides += 1;
    server.once('close', () => this.#sideClosed());
    void this.#readResponses(server);
    return server;
  }

  /** A server of one connection, without a port. */
  #sayBusy(retryAfter: number | string | undefined): Duplex {
    const [ours, theirs] = duplexPair();
    const server = createServer((request, response) => {
      request.resume().once('end', () => {
        if (this.#turn !== undefined) this.#count(this.#turn);
        response.writeHead(503, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
        response.end();
      });
    });
    server.emit('connection', theirs);
    this.#busy = ours;
    void this.#readResponses(ours);
    return ours;
  }

  async #readRequests(): Promise<void> {
    try {
      for await (const chunk of this.#client as AsyncIterable<Buffer>) {
        if (this.#proxy.silent) continue;
        let turn = this.#turn;
        if (turn === undefined || (this.#proxy.per === 'request' && turn.response.bytes > 0)) turn = this.#begin();
        await this.#pass(turn, 'request', chunk);
      }
      if (!this.#proxy.silent) this.#clientEnded();
    } catch {
      // The client broke off; its close ends the rest.
    }
  }

  /** A black hole does not answer this either. */
  #clientEnded(): void {
    this.#server?.end();
    this.#busy?.end();
    if (this.#turn === undefined) this.#client.end();
  }

  async #readResponses(from: Duplex): Promise<void> {
    from.on('error', () => undefined);
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (this.#turn !== undefined && !this.#proxy.silent) await this.#pass(this.#turn, 'response', chunk);
      }
      if (!this.#proxy.silent) this.#client.end();
    } catch {
      if (!this.#proxy.silent && this.#client.writable) this.reset();
    }
  }

  /** Passes a piece on, or does with it what the fault says. */
  async #pass(turn: Turn, way: Way, chunk: Buffer): Promise<void> {
    const { fault } = turn;
    const to = way === 'request' ? turn.to : this.#client;
    const before = turn[way].bytes;
    turn[way].bytes += chunk.length;
    if (to?.writable !== true) return;
    if (fault.kind === 'reset' && way === (fault.way ?? 'request')) {
      const left = (fault.after ?? 0) - before;
      await write(to, chunk.subarray(0, left));
      if (chunk.length < left) return;
      this.#count(turn);
      this.reset();
    } else if (fault.kind === 'cut' && way === 'response') {
      await write(to, chunk.subarray(0, Math.max(fault.after - before, 0)));
      if (before + chunk.length < fault.after) return;
      this.#count(turn);
      // What the client still sends is read on: bytes that nobody reads would turn the FIN into a RST.
      to.end(() => this.#server?.destroy());
    } else if (fault.kind === 'lost-answer' && way === 'response') {
      this.#count(turn);
      reset(this.#raw, this.#client);
    } else if (fault.kind === 'slow' && way === fault.way) {
      for (let at = 0; at < chunk.length && to.writable && !this.#proxy.silent; at += fault.bytes) {
        await write(to, chunk.subarray(at, at + fault.bytes));
        this.#count(turn);
        if (!(await this.#proxy.step())) return;
      }
    } else if (fault.kind === 'flip' && way === fault.way) {
      await write(to, this.#flipped(turn, fault, chunk, before));
    } else await write(to, chunk);
  }

  #flipped(turn: Turn, fault: Fault & { readonly kind: 'flip' }, chunk: Buffer, before: number): Buffer {
    const passed = turn[fault.way];
    if (fault.of === 'body' && passed.bodyAt === undefined) {
      passed.head = Buffer.concat([passed.head, chunk]);
      const blank = passed.head.indexOf('\r\n\r\n');
      if (blank >= 0) passed.bodyAt = blank + 4;
    }
    const at = (fault.of === 'body' ? (passed.bodyAt ?? Number.NaN) : 0) + fault.at - before;
    const byte = chunk[at];
    if (byte === undefined) return chunk;
    this.#count(turn);
    const copy = Buffer.from(chunk);
    copy[at] = byte ^ (1 << (fault.bit ?? 0));
    return copy;
  }
}

/** RST; of what lies above it (TLS) nothing more is sent. While a FIN is on its way Node cannot, and would leave the socket open. */
function reset(socket: Socket, above = socket): void {
  const ending = above.writableEnded && !above.writableFinished;
  if (socket.connecting || ending) socket.destroy();
  else socket.resetAndDestroy();
}

/** Resolves when the system has the bytes, or when nobody will take them any more. */
function write(to: Duplex, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || !to.writable) return Promise.resolve();
  return new Promise((resolve) => {
    to.once('close', resolve);
    to.write(bytes, () => {
      to.off('close', resolve);
      resolve();
    });
  });
}
