// SPDX-License-Identifier: Apache-2.0
// What the WebSocket relay's tests share: an HTTP front that hands upgrades to the relay, raw clients and raw upstreams.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/contract/clock.ts';
import {
  encodeFrame,
  endsMessage,
  FrameSplitter,
  OPCODE,
  type Piece,
  unmasked,
} from '../../src/proxy/exchange/websocket/frame.ts';
import { relayWebSocket } from '../../src/proxy/exchange/websocket/relay.ts';
import {
  type Inspector,
  type MessageVerdict,
  RELAY_LIMITS,
  type RelayLimits,
  type RelayOptions,
  type RelayResult,
} from '../../src/proxy/exchange/websocket/types.ts';
import { FakeClock } from '../fakes/clock.ts';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const MASK = Buffer.from([1, 2, 3, 4]);
export const MIB = 1024 * 1024;

export const PASS_ALL: Inspector = {
  clientMessage: async () => 'pass',
  serverMessage: () => undefined,
  opaqueClientMessage: async () => 'pass',
};

/** Things that come one by one, each for whoever asks next. */
export class Arrivals<T> {
  readonly #come: T[] = [];
  readonly #asked: ((item: T) => void)[] = [];

  add(item: T): void {
    const next = this.#asked.shift();
    if (next === undefined) this.#come.push(item);
    else next(item);
  }

  async next(): Promise<T> {
    return this.#come.shift() ?? (await new Promise<T>((resolve) => this.#asked.push(resolve)));
  }
}

export interface FrontOptions {
  /** Port of the upstream, or how to dial it. */
  readonly upstream: number | (() => Promise<Duplex>);
  readonly inspect?: Inspector;
  readonly answerHeaders?: RelayOptions['answerHeaders'];
  readonly limits?: Partial<RelayLimits>;
  /** Without one, time stands still: what comes, comes without any of the relay's limits of time. */
  readonly clock?: Clock;
  /** Ends calls from outside, besides the client's leaving. */
  readonly gone?: AbortSignal;
}

export interface Front {
  readonly port: number;
  readonly url: string;
  /** The result of the next relayed call. */
  result(): Promise<RelayResult>;
}

/** An HTTP server whose upgrades are relayed as the exchange does it; a call without an answer gets a 502 from here. */
export async function startFront(t: TestContext, options: FrontOptions): Promise<Front> {
  const results = new Arrivals<Promise<RelayResult>>();
  const server = http.createServer();
  const { upstream } = options;
  server.on('upgrade', (request, client: Duplex, early: Buffer) => {
    const gone = new AbortController();
    client.on('close', () => gone.abort());
    const result = relayWebSocket({
      client,
      early,
      head: { method: request.method ?? '', target: request.url ?? '', headers: request.rawHeaders },
      dial: typeof upstream === 'number' ? () => connect(upstream) : upstream,
      gone: options.gone ? AbortSignal.any([gone.signal, options.gone]) : gone.signal,
      clock: options.clock ?? new FakeClock(),
      limits: { ...RELAY_LIMITS, ...options.limits },
      ...(options.inspect && { inspect: options.inspect }),
      ...(options.answerHeaders && { answerHeaders: options.answerHeaders }),
    });
    void result.then(({ answered }) => {
      if (!answered) client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
    results.add(result);
  });
  const port = await listen(t, server);
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    result: async () => await results.next(),
  };
}

/** Listens on a free port; at the end of the test the server and all its connections are closed. */
export async function listen(t: TestContext, server: net.Server): Promise<number> {
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  server.on('connection', keep);
  server.on('secureConnection', keep);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

export async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Collects what a socket receives and waits for shapes in it. */
export class Wire {
  readonly socket: Duplex;
  ended = false;
  closed = false;
  #chunks: Buffer[] = [];
  #length = 0;
  #wake: (() => void)[] = [];

  constructor(socket: Duplex, reading = true) {
    this.socket = socket;
    if (reading) this.read();
    const finish = (): void => {
      this.ended = true;
      this.#notify();
    };
    socket.on('error', finish);
    socket.on('end', finish);
    socket.on('close', () => {
      this.closed = true;
      finish();
    });
  }

  read(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#notify();
    });
  }

  get received(): Buffer {
    const [only = Buffer.alloc(0), ...more] = this.#chunks;
    if (more.length === 0) return only;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Waits until the condition holds; fails after a minute. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!condition()) {
      assert.ok(Date.now() < deadline, `no ${what}; received ${this.#length} bytes`);
      await Promise.race([new Promise<void>((resolve) => this.#wake.push(resolve)), delay(50)]);
    }
  }

  /** Takes the HTTP head off the front of what was received. */
  async head(): Promise<string> {
    await this.until(() => this.received.includes('\r\n\r\n') || this.ended, 'head');
    const { received } = this;
    const end = received.indexOf('\r\n\r\n') + 4;
    const rest = received.subarray(end);
    this.#chunks = [rest];
    this.#length = rest.length;
    return received.subarray(0, end).toString('latin1');
  }

  async bytes(count: number): Promise<Buffer> {
    await this.until(() => this.#length >= count, `${count} bytes`);
    return this.received;
  }

  async end(): Promise<void> {
    await this.until(() => this.ended, 'end');
  }
}

/** A raw upgrade request through the front; resolves when written. */
export async function rawClient(
  t: TestContext,
  port: number,
  extra: { headers?: string; early?: Buffer; reading?: boolean } = {},
): Promise<Wire> {
  const socket = await connect(port);
  t.after(() => socket.destroy());
  const wire = new Wire(socket, extra.reading ?? true);
  const head = `GET /v1/responses?x=1 HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${extra.headers ?? ''}\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), extra.early ?? Buffer.alloc(0)]));
  return wire;
}

export function accept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

export function switching(headers = ''): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(KEY)}\r\n${headers}\r\n`;
}

export interface RawUpstream {
  readonly port: number;
  /** The next connection, its request head taken off. */
  accepted(): Promise<{ wire: Wire; head: string }>;
}

/** A TCP server that answers a whole request head with `answer`; nothing else happens by itself. */
export async function rawUpstream(t: TestContext, answer: string | Buffer, reading = true): Promise<RawUpstream> {
  const accepted = new Arrivals<{ wire: Wire; head: string }>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, async (socket) => {
    const wire = new Wire(socket);
    const head = await wire.head();
    if (!reading) {
      socket.removeAllListeners('data');
      socket.pause();
    }
    if (answer.length > 0) socket.write(answer);
    accepted.add({ wire, head });
  });
  const port = await listen(t, server);
  return { port, accepted: () => accepted.next() };
}

/** A client and an upstream with the relay between them, both raw, after the 101. */
export async function rawPair(
  t: TestContext,
  options: Omit<FrontOptions, 'upstream'> & { reading?: boolean; upstreamReading?: boolean; extensions?: string } = {},
): Promise<{ client: Wire; server: Wire; front: Front }> {
  const extensions = options.extensions ? `Sec-WebSocket-Extensions: ${options.extensions}\r\n` : '';
  const upstream = await rawUpstream(t, switching(extensions), options.upstreamReading ?? true);
  const front = await startFront(t, { ...options, upstream: upstream.port });
  const client = await rawClient(t, front.port, { headers: extensions });
  const { wire: server } = await upstream.accepted();
  assert.match(await client.head(), /^HTTP\/1\.1 101 /);
  if (options.reading === false) {
    client.socket.removeAllListeners('data');
    client.socket.pause();
  }
  return { client, server, front };
}

/** The frames in what one side received: opcode and payload, close frames as their code. */
export function framesOf(bytes: Buffer, masked: boolean): { opcode: number; text: string }[] {
  const split = new FrameSplitter({ masked, reserved: 'any' }).push(bytes);
  assert.equal(split.violation, undefined);
  const list: { opcode: number; text: string }[] = [];
  let open: Piece[] = [];
  for (const piece of split.pieces) {
    if (!piece.frame.control) open.push(piece);
    if (!piece.frame.control && !endsMessage(piece)) continue;
    const payload = unmaskedAll(piece.frame.control ? [piece] : open);
    const isClose = piece.frame.opcode === OPCODE.close && payload.length >= 2;
    const text = isClose ? `${payload.readUInt16BE(0)} ${payload.subarray(2)}`.trim() : payload.toString();
    list.push({ opcode: piece.frame.control ? piece.frame.opcode : (open[0]?.frame.opcode ?? -1), text });
    if (!piece.frame.control) open = [];
  }
  return list;
}

const unmaskedAll = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.map(unmasked));

/** A frame with its first byte as given: FIN, reserved bits and opcode are the test's business. */
export function frameWith(first: number, payload: string | Buffer, mask?: Buffer): Buffer {
  const bytes = encodeFrame(OPCODE.text, Buffer.from(payload), mask);
  bytes[0] = first;
  return bytes;
}

export const clientText = (text: string): Buffer => encodeFrame(OPCODE.text, Buffer.from(text), MASK);
export const serverText = (text: string): Buffer => encodeFrame(OPCODE.text, Buffer.from(text));

export const PING = encodeFrame(OPCODE.ping, Buffer.from('p'), MASK);

/** Verdicts that the test gives by hand. */
export function handInspector(): Inspector & {
  readonly asked: { text: string; answer: (verdict: MessageVerdict) => void }[];
  /** Resolves once so many questions have been asked. */
  question(count: number): Promise<void>;
} {
  const asked: { text: string; answer: (verdict: MessageVerdict) => void }[] = [];
  const events = new EventEmitter();
  return {
    ...PASS_ALL,
    asked,
    clientMessage: (text) =>
      new Promise((answer) => {
        asked.push({ text, answer });
        events.emit('asked');
      }),
    question: async (count) => {
      while (asked.length < count) await once(events, 'asked');
    },
  };
}

/** Writes with backpressure until `limit` bytes are taken or nothing has been taken for half a second; gives the bytes. */
export async function fill(socket: Duplex, chunk: Buffer, limit: number): Promise<number> {
  let taken = 0;
  while (taken < limit) {
    taken += chunk.length;
    if (socket.write(chunk)) continue;
    const stalled = AbortSignal.timeout(500);
    try {
      await once(socket, 'drain', { signal: stalled });
    } catch {
      return taken;
    }
  }
  return taken;
}
