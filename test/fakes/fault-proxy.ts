// SPDX-License-Identifier: Apache-2.0
// A hop on loopback in front of a server that makes the network fail as a plan says, and counts what it did. Owns the port, the plan and
// the counts; what a fault does to bytes is in fault-connection.ts. Knows no protocol above TCP (and TLS, if told to speak it).

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultConnection } from './fault-connection.ts';
import { seeded } from './random.ts';

/** The two directions of a connection. */
export type Way = 'request' | 'response';

/**
 * `ok`: passes. `refuse`: is reset and the port closed behind it, for so many steps or until `heal`; whoever connects then gets a real
 * ECONNREFUSED, which no proxy can see. `reset`: RST to both sides after so many bytes that were passed on, without any at once.
 * `cut`: a clean FIN after so many bytes of the answer. `blackhole`: swallows all, answers nothing. `flip`: one bit (the lowest if not
 * said) of the byte at an offset, counted from the first byte or from the first behind the blank line of an HTTP head. `slow`: so many
 * bytes a step. `lost-answer`: the first byte of the answer resets the client; the server may finish. `503`: answered here, the server
 * sees nothing. A stream that is too short for its fault passes whole, and is not counted.
 */
export type Fault =
  | { readonly kind: 'ok' | 'blackhole' | 'lost-answer' }
  | { readonly kind: 'refuse'; readonly steps?: number }
  | { readonly kind: 'reset'; readonly way?: Way; readonly after?: number }
  | { readonly kind: 'cut'; readonly after: number }
  | {
      readonly kind: 'flip';
      readonly way: Way;
      readonly at: number;
      readonly of?: 'stream' | 'body';
      readonly bit?: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
    }
  | { readonly kind: 'slow'; readonly way: Way; readonly bytes: number }
  | { readonly kind: '503'; readonly retryAfter?: number | string };

/** Asked once for each connection (or request), in their order; `n` counts from 1. */
export type Plan = (n: number) => Fault;

type Below = (limit: number) => number;

/** Faults by chance, the same for the same seed. A function gets its own numbers: whole, from 0 up to a limit. */
export function mix(
  seed: number,
  faults: readonly (readonly [weight: number, fault: Fault | ((below: Below) => Fault)])[],
): Plan {
  const next = seeded(seed);
  const below: Below = (limit) => Math.floor(next() * limit);
  const total = faults.reduce((sum, [weight]) => sum + weight, 0);
  return () => {
    let left = next() * total;
    const drawn = faults.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    const fault = drawn?.[1] ?? { kind: 'ok' };
    return typeof fault === 'function' ? fault(below) : fault;
  };
}

export interface FaultProxyOptions {
  /** Port of the server on 127.0.0.1. */
  readonly target: number;
  /** Without one all passes. */
  readonly plan?: Plan;
  /**
   * `request`: the plan is asked for each request, also on a connection that is kept. A request begins with the first byte from the client
   * after one from the server: right for HTTP/1.1 without pipelining and without answers before the request is whole; not for TLS.
   */
  readonly per?: 'connection' | 'request';
  /** Awaited between the pieces of `slow` and while a port is closed by `refuse`. Without one: 1 ms of the real clock. */
  readonly step?: () => Promise<void>;
  /**
   * The proxy ends the client's TLS itself and speaks plainly to the server. Without it TLS passes as bytes like any other; then an answer
   * cannot be told from the handshake, so `503`, `lost-answer` and `of: 'body'` need this.
   */
  readonly tls?: { readonly key: string; readonly cert: string };
}

type Counts = Record<Fault['kind'], number>;

export class FaultProxy {
  /** May be changed between connections: for a server that starts again on another port. */
  target: number;
  /** May be changed; rules over what begins from now on. */
  plan: Plan;
  readonly per: 'connection' | 'request';
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** How often each fault happened (not: was planned), once for each connection or request at most. */
  readonly counts: Counts = {
    ok: 0,
    refuse: 0,
    reset: 0,
    cut: 0,
    blackhole: 0,
    flip: 0,
    slow: 0,
    'lost-answer': 0,
    '503': 0,
  };
  /** Connections that were accepted so far. */
  connections = 0;

  readonly #step: (() => Promise<void>) | undefined;
  readonly #open = new Set<FaultConnection>();
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();
  #planned = 0;
  #port = 0;
  #server: Server | undefined;
  /** Both ends of a connection to ourselves: it keeps the system from giving our port to others while we do not listen. */
  #anchor: readonly Socket[] = [];
  #silent = false;
  /** Goes up with whatever overrules a `refuse` that waits for its steps. */
  #turned = 0;

  constructor({ target, plan = () => ({ kind: 'ok' }), per = 'connection', step, tls }: FaultProxyOptions) {
    this.target = target;
    this.plan = plan;
    this.per = per;
    this.tls = tls;
    this.#step = step;
  }

  get port(): number {
    return this.#port;
  }

  /** Base of a URL. With `tls` by the name localhost, since certificates seldom name an address. */
  get origin(): string {
    return this.tls === undefined ? `http://127.0.0.1:${this.#port}` : `https://localhost:${this.#port}`;
  }

  async listen(): Promise<this> {
    await this.#listen();
    return this;
  }

  /**
   * From now on until `heal` nothing gets through. `reset`: open connections are reset, new ones refused. `silence`: whatever either side
   * sends is swallowed, new connections are accepted, and nobody is told.
   */
  partition(how: 'reset' | 'silence' = 'reset'): void {
    this.#turned += 1;
    this.#silent = how === 'silence';
    if (how === 'silence') return;
    this.#stopListening();
    this.#resetAll();
  }

  /** Ends a partition and opens a refused port; the plan rules again. Connections that lost bytes to silence are reset. */
  async heal(): Promise<void> {
    this.#turned += 1;
    if (this.#silent) this.#resetAll();
    this.#silent = false;
    await this.#listen();
  }

  /** Resolves once a fault has happened so often. */
  async happened(kind: Fault['kind'], times = 1): Promise<void> {
    while (this.counts[kind] < times) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Resolves when port and connections are gone. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopListening();
    const closed = [...this.#open].map((one) => one.closed);
    this.#resetAll();
    for (const socket of this.#anchor) socket.destroy();
    await Promise.all(closed);
  }

  /** For the connections: is all swallowed at present? */
  get silent(): boolean {
    return this.#silent;
  }

  /** For the connections: the next fault of the plan. */
  draw(): Fault {
    this.#planned += 1;
    return this.plan(this.#planned);
  }

  /** For the connections. */
  count(kind: Fault['kind']): void {
    this.counts[kind] += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** For the connections: time passes; false once the proxy is closed. */
  async step(): Promise<boolean> {
    const { signal } = this.#closing;
    if (this.#step !== undefined) await this.#step();
    else await delay(1, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  /** For the connections: closes the port for so many steps, or until `heal`. */
  async refuse(steps: number | undefined): Promise<void> {
    this.#stopListening();
    if (steps === undefined) return;
    const turned = this.#turned;
    for (let left = steps; left > 0; left--) {
      if (!(await this.step()) || this.#turned !== turned) return;
    }
    await this.#listen();
  }

  #resetAll(): void {
    for (const connection of this.#open) connection.reset();
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined || this.#closing.signal.aborted) return;
    // Half open: a client that ends its side still gets its answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    if (this.#port === 0) {
      this.#port = (server.address() as AddressInfo).port;
      const near = connect(this.#port, '127.0.0.1');
      const [far] = (await once(server, 'connection')) as [Socket];
      this.#anchor = [near, far];
      for (const socket of this.#anchor) socket.on('error', () => undefined);
    }
    server.on('connection', (socket: Socket) => this.#accept(socket));
  }

  #stopListening(): void {
    // Its callback would wait for open connections; the port is closed at once.
    this.#server?.close();
    this.#server = undefined;
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    const connection = new FaultConnection(this, socket);
    this.#open.add(connection);
    void connection.closed.then(() => this.#open.delete(connection));
  }
}

/** Listens on 127.0.0.1. */
export const startFaultProxy = (options: FaultProxyOptions): Promise<FaultProxy> => new FaultProxy(options).listen();
