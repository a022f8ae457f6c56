// SPDX-License-Identifier: Apache-2.0
// A provider that is plainly not real: speaks the wire protocols of the vendors, answers deterministically, misbehaves on
// request, and remembers what it was sent. For tests and for the demonstration; calls no one.

import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../../src/contract/clock.ts';
import { systemClock } from '../../../src/proxy/clock.ts';
import type { Answer } from './answer.ts';
import { bodyFault, decodedJson, readBody } from './body.ts';
import { deliver } from './deliver.ts';
import { type EndpointContext, type EndpointRequest, InvalidRequest } from './dialects/endpoint.ts';
import { type Fault, faultOfModel, parseFault } from './fault.ts';
import { text } from './json.ts';
import { type Family, nativeError } from './native-error.ts';
import { Memory, type RecordedRequest, Recording } from './recorded.ts';
import { badKeyStatus, credential, familyOf, findRoute, type Route, vendorHeaders } from './routes.ts';
import { serveResponsesSocket } from './websocket.ts';
import { type AnyResponse, createWire } from './wire.ts';

export interface SimulatedProviderOptions {
  /** PEM. With it the server speaks TLS, HTTP/2 and HTTP/1.1 by ALPN; without, plain HTTP/1.1. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** Keys that are accepted. Default: any that is not empty and does not begin with `bad`. Ollama needs none. */
  readonly keys?: readonly string[];
  /** Models that exist. Default: all but those that begin with `unknown`. */
  readonly models?: readonly string[];
  /** Pieces of text in a streamed answer. */
  readonly pieces?: number;
  /** Applies to each request that no script, header or model name speaks for. */
  readonly fault?: Fault;
  readonly clock?: Clock;
  /** Bodies are kept up to this size; hash and length cover all. Default 16 MiB. */
  readonly keepBodyBytes?: number;
  /** ALPN protocols, with TLS. Default both. */
  readonly alpn?: readonly ('h2' | 'http/1.1')[];
}

type Incoming = IncomingMessage | Http2ServerRequest;

const DEFAULT_DEADLINE_MS = 10_000;

export class SimulatedProvider {
  readonly #options: SimulatedProviderOptions;
  readonly #clock: Clock;
  readonly #server: HttpServer | Http2SecureServer;
  readonly #memory: Memory<RecordedRequest>;
  readonly #sockets = new Map<string, { readonly tcp: Socket; readonly serial: number }>();
  readonly #script: Fault[] = [];
  #fault: Fault;
  #serial = 0;
  #connections = 0;

  constructor(options: SimulatedProviderOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#fault = options.fault ?? {};
    this.#memory = new Memory(this.#clock);
    this.#server =
      options.tls === undefined
        ? createServer({ keepAliveTimeout: 60_000 })
        : createSecureServer({
            ...options.tls,
            allowHTTP1: options.alpn?.includes('http/1.1') ?? true,
            ALPNProtocols: [...(options.alpn ?? ['h2', 'http/1.1'])],
          });
    const server = this.#server as HttpServer;
    server.on('connection', (tcp: Socket) => this.#connected(tcp));
    server.on('request', (req, res) => void this.#serve(req, res, false));
    server.on('checkContinue', (req, res) => void this.#serve(req, res, true));
    server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
    server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Starts on a free loopback port. */
  async listen(host = '127.0.0.1'): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, host, resolve);
    });
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Origin without a path: `http://127.0.0.1:1234`. */
  get origin(): string {
    const { address, family } = this.#server.address() as AddressInfo;
    const host = family === 'IPv6' ? `[${address}]` : address;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${host}:${this.port}`;
  }

  /** All requests since the start, oldest first; their fields go on changing. */
  get requests(): readonly RecordedRequest[] {
    return this.#memory.items;
  }

  /** TCP connections that were accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** The first request for which `holds` is or becomes true. Rejects after the deadline (milliseconds). */
  waitFor(holds: (request: RecordedRequest) => boolean, deadlineMs = DEFAULT_DEADLINE_MS): Promise<RecordedRequest> {
    return this.#memory.waitFor(holds, deadlineMs);
  }

  /** The next requests misbehave so, one fault each, before `misbehave` rules again. */
  script(...faults: readonly (Fault | string)[]): void {
    for (const fault of faults) this.#script.push(typeof fault === 'string' ? parseFault(fault) : fault);
  }

  /** All requests misbehave so from now on; `{}` ends it. */
  misbehave(fault: Fault | string): void {
    this.#fault = typeof fault === 'string' ? parseFault(fault) : fault;
  }

  /** Drops all connections and stops. */
  async close(): Promise<void> {
    for (const { tcp } of this.#sockets.values()) tcp.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #connected(tcp: Socket): void {
    const key = `${tcp.remoteAddress}:${tcp.remotePort}`;
    this.#connections += 1;
    this.#sockets.set(key, { tcp, serial: this.#connections });
    tcp.on('error', () => undefined);
    tcp.once('close', () => this.#sockets.delete(key));
  }

  #record(req: Incoming, kind: 'http' | 'websocket'): { readonly recording: Recording; readonly tcp: Socket } {
    const socket = 'stream' in req ? req.stream.session?.socket : req.socket;
    const known = this.#sockets.get(`${socket?.remoteAddress}:${socket?.remotePort}`);
    if (known === undefined) throw new Error('request on an unknown connection');
    const secure = this.#options.tls === undefined ? undefined : (socket as TLSSocket);
    const sni = secure?.servername;
    this.#serial += 1;
    const recording = new Recording(
      {
        serial: this.#serial,
        method: req.method ?? '',
        target: req.url ?? '',
        httpVersion: req.httpVersion,
        rawHeaders: [...req.rawHeaders],
        kind,
        connection: known.serial,
        tls:
          secure === undefined
            ? undefined
            : {
                version: secure.getProtocol() ?? '',
                sni: typeof sni === 'string' && sni !== '' ? sni : undefined,
                alpn: typeof secure.alpnProtocol === 'string' ? secure.alpnProtocol : undefined,
              },
        arrivedAt: this.#clock.monotonic(),
      },
      this.#options.keepBodyBytes ?? 16 * 1024 * 1024,
      known.tcp,
    );
    this.#memory.add(recording);
    return { recording, tcp: known.tcp };
  }

  #context(serial: number, fault: Fault): EndpointContext {
    return {
      serial,
      requestId: `req_sim_${serial}`,
      say: { serial, pieces: fault.pieces ?? this.#options.pieces ?? 8, padBytes: (fault.size ?? 0) * 1024 * 1024 },
      created: Math.floor(this.#clock.now() / 1000),
    };
  }

  #chooseFault(recording: Recording, modelFault: Fault | undefined): Fault {
    const named = recording.header('x-fault');
    if (named !== undefined) return parseFault(named);
    return modelFault ?? this.#script.shift() ?? this.#fault;
  }

  async #serve(req: Incoming, res: AnyResponse, expectsContinue: boolean): Promise<void> {
    const { recording, tcp } = this.#record(req, 'http');
    const wire = createWire(res, tcp);
    const finish = (state: RecordedRequest['state']) => {
      if (recording.state !== 'receiving' && recording.state !== 'answering') return;
      recording.state = state;
      if (state === 'client-left') recording.leftAt = this.#clock.monotonic();
      this.#memory.changed(recording);
    };
    wire.closed.addEventListener('abort', () => finish('client-left'), { once: true });
    const early = bodyFault(recording, this.#script[0] ?? this.#fault);
    if (expectsContinue && early.expect === 'refuse') {
      if (this.#script[0]?.expect !== undefined) this.#script.shift();
      wire.head(417, ['x-simulated-provider', 'true'], 0, []);
      wire.end();
      return finish('answered');
    }
    if (expectsContinue && early.expect !== 'silent') res.writeContinue();
    const whole = await readBody(req, recording, early.unread, () => this.#memory.changed(recording));
    if (!whole) {
      if (early.unread === undefined || wire.gone) return finish('client-left');
      return; // left unread on purpose; ends when the client leaves
    }
    if (recording.state === 'receiving') recording.state = 'answering';
    this.#memory.changed(recording);
    const path = recording.target.split('?', 1)[0] ?? '';
    const route = findRoute(recording.method, path, (name) => recording.header(name));
    const { answer, fault } = this.#answer(recording, route, path);
    const family = route?.family ?? familyOf(path);
    const labelled: Answer = {
      ...answer,
      headers: [
        ...vendorHeaders(family, `req_sim_${recording.serial}`, this.#clock.now()),
        'x-simulated-provider',
        family,
        ...answer.headers,
      ],
    };
    await deliver(wire, labelled, fault, this.#clock, {
      sent: (bytes, events) => this.#sent(recording, bytes, events),
      ended: finish,
    });
  }

  #sent(recording: Recording, bytes: number, events: number): void {
    recording.bytesSent += bytes;
    recording.eventsSent += events;
    this.#memory.changed(recording);
  }

  #answer(
    recording: Recording,
    route: Route | undefined,
    path: string,
  ): { readonly answer: Answer; readonly fault: Fault } {
    const requestId = `req_sim_${recording.serial}`;
    const family: Family = route?.family ?? familyOf(path);
    const refuse = (status: number, message: string, reason?: 'model' | 'key') =>
      nativeError(family, status, message, { requestId, ...(reason === undefined ? {} : { reason }) });
    let fault: Fault = {};
    try {
      const body = recording.bodyBytes === 0 ? undefined : decodedJson(recording);
      const named = route?.pathModel ?? text(body, 'model');
      const { model, fault: modelFault } = faultOfModel(named ?? '');
      fault = this.#chooseFault(recording, modelFault);
      if (fault.status !== undefined && fault.status >= 400) {
        const options = { requestId, retryAfter: fault['retry-after'] };
        return { fault, answer: nativeError(family, fault.status, `status ${fault.status} (simulated)`, options) };
      }
      if (route === undefined) return { fault, answer: refuse(404, `Unknown path ${path} (simulated)`) };
      const query = new URLSearchParams(recording.target.split('?')[1] ?? '');
      if (
        !this.#keyAccepted(
          family,
          credential(family, (name) => recording.header(name), query),
        )
      ) {
        return { fault, answer: refuse(badKeyStatus(family), 'Incorrect API key provided (simulated)', 'key') };
      }
      if (route.needsBody && (typeof body !== 'object' || body === null))
        throw new InvalidRequest('The body is not a JSON object.');
      if (route.needsBody && model === '') throw new InvalidRequest('you must provide a model parameter');
      if (route.needsBody && !this.#modelExists(model)) {
        const status = family === 'openai' && path.endsWith('/responses') ? 400 : 404;
        return { fault, answer: refuse(status, `The model \`${model}\` does not exist (simulated)`, 'model') };
      }
      const request: EndpointRequest = { body, model, pathStream: route.pathStream, query };
      return { fault, answer: route.endpoint(request, this.#context(recording.serial, fault)) };
    } catch (error) {
      return { fault, answer: refuse(400, error instanceof Error ? error.message : 'invalid request') };
    }
  }

  #keyAccepted(family: Family, key: string): boolean {
    if (family === 'ollama') return true;
    const { keys } = this.#options;
    return keys === undefined ? key !== '' && !key.startsWith('bad') : keys.includes(key);
  }

  #modelExists(model: string): boolean {
    const { models } = this.#options;
    return models === undefined ? !model.startsWith('unknown') : models.includes(model);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { recording, tcp } = this.#record(req, 'websocket');
    const path = recording.target.split('?', 1)[0] ?? '';
    const finish = (state: RecordedRequest['state']) => {
      if (state === 'client-left') {
        if (recording.leftAt !== undefined) return;
        recording.leftAt = this.#clock.monotonic();
        if (recording.state === 'answering' || recording.state === 'receiving') recording.state = state;
      } else if (recording.state !== 'broken') recording.state = state;
      this.#memory.changed(recording);
    };
    socket.on('error', () => undefined);
    const upgradeFault = bodyFault(recording, this.#script[0] ?? this.#fault);
    const key = credential('openai', (name) => recording.header(name), new URLSearchParams());
    const refused = !path.endsWith('/responses') ? 404 : !this.#keyAccepted('openai', key) ? 401 : undefined;
    if (upgradeFault.reset === 'head') {
      finish('broken');
      tcp.resetAndDestroy();
      return;
    }
    if (refused !== undefined) {
      socket.end(
        `HTTP/1.1 ${refused} Refused\r\nx-simulated-provider: openai\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
      );
      return finish('answered');
    }
    serveResponsesSocket(req, socket, head, {
      clock: this.#clock,
      begin: (message, body) => {
        recording.messages.push(message);
        recording.state = 'answering';
        this.#memory.changed(recording);
        const { model, fault: modelFault } = faultOfModel(text(body, 'model') ?? '');
        const fault = this.#chooseFault(recording, modelFault);
        const request = { body, model, pathStream: true, query: new URLSearchParams() };
        return { request, context: this.#context(recording.serial * 1000 + recording.messages.length, fault), fault };
      },
      sent: (bytes, events) => this.#sent(recording, bytes, events),
      ended: finish,
    });
  }
}
