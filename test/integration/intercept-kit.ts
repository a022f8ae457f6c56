// SPDX-License-Identifier: Apache-2.0
// What the entrance tests share: the real entrance on free ports with a handler of the test's own, and raw clients that can
// misbehave. Knows nothing of the exchange.

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, createServer, type LookupFunction, type Server, type Socket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import type { Clock } from '../../src/contract/clock.ts';
import type { Log } from '../../src/contract/log.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import type { Call, HandleCall, HttpCall } from '../../src/proxy/exchange/call.ts';
import type { Attribution, Identity } from '../../src/proxy/identity/owner.ts';
import { type Intercept, startIntercept } from '../../src/proxy/intercept/intercept.ts';
import type { ClientDistrust } from '../../src/proxy/intercept/tls-server.ts';
import type { HostDecision, Settings } from '../../src/proxy/policy/policy.ts';
import { FakeClock } from '../fakes/clock.ts';
import { makeTestCa, type TestCa } from '../fakes/pki.ts';

export const GOVERNED = 'api.openai.test';
export const OTHER_GOVERNED = 'api.anthropic.test';
export const BLOCKED = 'blocked.test';

export interface Kit {
  readonly intercept: Intercept;
  readonly port: number;
  readonly ca: TestCa;
  readonly calls: Call[];
  readonly minted: string[];
  readonly distrusts: ClientDistrust[];
  readonly lines: string[];
  close(): Promise<void>;
}

export interface KitOptions {
  readonly handle?: HandleCall;
  readonly clock?: Clock;
  readonly port?: number;
  readonly network?: Partial<Settings['network']>;
  readonly connectMs?: number;
  readonly actions?: Readonly<Record<string, HostDecision['action']>>;
  readonly ownPorts?: readonly number[];
  readonly resolve?: LookupFunction;
  readonly contextFor?: (name: string) => SecureContext;
}

/** Every name is this machine, so that upstreams can be local. */
export const toLoopback: LookupFunction = (_name, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

export function identityOf(attribution: Attribution, knowsUid = true): Identity {
  return {
    attribute: () => Promise.resolve(attribution),
    settled: () => Promise.resolve(attribution),
    uidOf: () => Promise.resolve(attribution.uid),
    knowsUid,
    close: () => Promise.resolve(),
  };
}

const CA = makeTestCa({ commonName: 'entrance test CA' });
const ACTIONS = { [GOVERNED]: 'govern', [OTHER_GOVERNED]: 'header', [BLOCKED]: 'block' } as const;

export async function startKit(options: KitOptions = {}): Promise<Kit> {
  const calls: Call[] = [];
  const distrusts: ClientDistrust[] = [];
  const lines: string[] = [];
  const minted: string[] = [];
  const contexts = new Map<string, SecureContext>();
  const actions: Readonly<Record<string, HostDecision['action']>> = { ...ACTIONS, ...options.actions };
  const intercept = await startIntercept({
    port: options.port ?? 0,
    handle: async (call) => {
      calls.push(call);
      await (options.handle ?? echo)(call);
    },
    contextFor: (name) => {
      if (options.contextFor !== undefined) return options.contextFor(name);
      const known = contexts.get(name);
      if (known !== undefined) return known;
      const leaf = CA.issue({ names: [name] });
      const context = createSecureContext({ key: leaf.key, cert: leaf.chain });
      contexts.set(name, context);
      minted.push(name);
      return context;
    },
    decideHost: (host) => ({ action: actions[host] ?? 'tunnel' }),
    settings: () => ({
      network: { connectPorts: [[1, 65_535]], allowPrivate: ['127.0.0.0/8', '::1/128'], ...options.network },
      timeouts: { connect: options.connectMs ?? 5_000, firstContent: 1_000, idle: 1_000, total: 1_000 },
    }),
    ownPorts: () => options.ownPorts ?? [],
    identity: identityOf({ uid: 1, owner: undefined }),
    clock: options.clock ?? systemClock,
    log: memoryLog(lines),
    onClientDistrust: (distrust) => distrusts.push(distrust),
    resolve: options.resolve ?? toLoopback,
  });
  return { intercept, port: intercept.port, ca: CA, calls, minted, distrusts, lines, close: () => intercept.close() };
}

/** A test, as far as what it opens must be closed at its end. */
export interface Ending {
  after(close: () => unknown): void;
}

/** Closes a kit; where time stands still, what running calls are given to end has to be let pass. */
export async function closeAtOnce(kit: Pick<Kit, 'close'>, clock?: Clock): Promise<void> {
  const closed = kit.close();
  if (clock instanceof FakeClock) clock.advance(500);
  await closed;
}

/** `startKit`, closed at the end of the test. */
export async function kitFor(t: Ending, options: KitOptions = {}): Promise<Kit> {
  const kit = await startKit(options);
  t.after(() => closeAtOnce(kit, options.clock));
  return kit;
}

/** The same with a handler of HTTP calls; upgrades are left alone. */
export function kitWith(
  t: Ending,
  handle: (call: HttpCall) => void | Promise<void>,
  options: Omit<KitOptions, 'handle'> = {},
): Promise<Kit> {
  return kitFor(t, {
    ...options,
    handle: async (call) => {
      if (call.kind === 'http') await handle(call);
    },
  });
}

export function memoryLog(lines: string[]): Log {
  const say =
    (level: string) =>
    (event: string, fields = {}): void => {
      lines.push(JSON.stringify({ level, event, ...fields }));
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** Answers with what the entrance made of the request. */
export const echo: HandleCall = async (call) => {
  if (call.kind === 'upgrade') return void call.socket.destroy();
  const body = await readAll(call.body).catch(() => Buffer.alloc(0));
  const seen = {
    protocol: call.protocol,
    scheme: call.scheme,
    host: call.host,
    port: call.port,
    provider: call.provider,
    method: call.method,
    target: call.target,
    headers: call.headers,
    hasBody: call.hasBody,
    body: body.toString('latin1'),
    trailers: call.requestTrailers(),
    tls: call.connection.tls,
    id: call.connection.id,
  };
  answer(call, 200, JSON.stringify(seen));
};

export function answer(call: HttpCall, status: number, text: string): void {
  call.reply.head(status, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(text))]);
  if (call.method !== 'HEAD') call.reply.write(Buffer.from(text));
  call.reply.end();
}

export async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}

export interface Connected {
  readonly socket: Socket;
  readonly status: number;
  readonly head: string;
  /** What came after the response head. */
  readonly rest: Buffer;
}

/** Sends a CONNECT and waits for the whole response head. `early` goes out in the same write. */
export async function openTunnel(
  port: number,
  authority: string,
  { host = '127.0.0.1', early = Buffer.alloc(0) }: { readonly host?: string; readonly early?: Buffer } = {},
): Promise<Connected> {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(Buffer.concat([Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`), early]));
  let seen = Buffer.alloc(0);
  while (!seen.includes('\r\n\r\n')) {
    const chunk = await nextChunk(socket);
    if (chunk === undefined) break;
    seen = Buffer.concat([seen, chunk]);
  }
  const end = seen.indexOf('\r\n\r\n') + 4;
  const head = seen.subarray(0, end).toString('latin1');
  return { socket, status: Number(head.split(' ')[1] ?? 0), head, rest: seen.subarray(end) };
}

/** The next bytes, or undefined at the end. Leaves the socket paused. */
export function nextChunk(socket: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const settle = (chunk?: Buffer): void => {
      socket.off('data', settle);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      resolve(chunk);
    };
    const onEnd = (): void => settle();
    socket.on('data', settle);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    if (socket.destroyed || socket.readableEnded) return onEnd();
    socket.resume();
  });
}

/** CONNECT, then a verified TLS handshake inside. */
export async function openTls(
  kit: Kit,
  authority = `${GOVERNED}:443`,
  options: ConnectionOptions & { readonly host?: string } = {},
): Promise<TLSSocket> {
  const { socket, status } = await openTunnel(
    kit.port,
    authority,
    options.host === undefined ? {} : { host: options.host },
  );
  if (status !== 200) throw new Error(`CONNECT answered ${status}`);
  const { host: _host, ...tls } = options;
  const secure = tlsConnect({ servername: authority.split(':')[0] ?? '', ca: kit.ca.cert, ...tls, socket });
  await once(secure, 'secureConnect');
  secure.on('error', () => undefined);
  return secure;
}

/** Writes raw bytes and reads until the peer closes. */
export async function talk(socket: Duplex, text: string | Buffer): Promise<string> {
  socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  return drain(socket);
}

export async function drain(socket: Duplex): Promise<string> {
  let seen = '';
  for (;;) {
    const chunk = await nextChunk(socket);
    if (chunk === undefined) return seen;
    seen += chunk.toString('latin1');
  }
}

/** One HTTP/1.1 request over a given socket. */
export function requestOver(socket: Duplex, options: RequestOptions): ClientRequest {
  return request({ createConnection: () => socket, ...options } as RequestOptions);
}

/** The answer to a GET over a given socket. */
export function getOver(socket: Duplex, host: string = GOVERNED, path = '/'): Promise<IncomingMessage> {
  const req = requestOver(socket, { path, headers: { Host: host } });
  req.end();
  return responseOf(req);
}

/** The head of a POST to the governed host; `more` are header lines. */
export const postHead = (more = ''): string => `POST /v1/x HTTP/1.1\r\nHost: ${GOVERNED}\r\n${more}\r\n`;

export async function responseOf(req: ClientRequest): Promise<IncomingMessage> {
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return res;
}

/** A TCP server on a free port. */
export async function startTcp(
  onConnection: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<Server & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const close = server.close.bind(server);
  server.close = (done) => {
    for (const socket of sockets) socket.destroy();
    return close(done);
  };
  return Object.assign(server, { port: typeof address === 'object' && address !== null ? address.port : 0 });
}

/** Waits until `check` holds; fails after `ms`. */
export async function until(check: () => boolean, what: string, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!check()) {
    if (Date.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Resolves when a sender can send no more: it is `blocked`, and what it has `sent` stands still while the agent serves others. Bytes that
 * had room would have moved in that time. Fails after 20 s.
 */
export async function untilStuck(
  sent: () => number,
  blocked: () => boolean,
  serveOthers: () => Promise<unknown>,
): Promise<void> {
  const end = Date.now() + 20_000;
  for (let before = -1; !blocked() || sent() !== before; ) {
    if (Date.now() > end) throw new Error(`not stuck: ${sent()} sent, ${blocked() ? 'blocked' : 'not blocked'}`);
    before = sent();
    await serveOthers();
  }
}

/** Writes while there is room. Gives the bytes written once the other side takes no more, or when `limit` is reached. */
export async function writeUntilStuck(
  sink: Writable,
  limit: number,
  serveOthers: () => Promise<unknown>,
): Promise<number> {
  const block = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const push = (): void => {
    while (sent < limit && !sink.writableNeedDrain) {
      sent += block.length;
      sink.write(block);
    }
  };
  sink.on('drain', push);
  push();
  await untilStuck(
    () => sent,
    () => sink.writableNeedDrain || sent >= limit,
    serveOthers,
  );
  sink.off('drain', push);
  return sent;
}
