// SPDX-License-Identifier: Apache-2.0
// A TCP hop that misbehaves below every protocol: in front of a fake it makes networks that fail. Knows bytes only.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../src/contract/clock.ts';
import { systemClock } from '../../src/proxy/clock.ts';

/**
 * `pass`: forwards. `refuse`: nothing listens. `reset`: accepts, then RST. `cut`: forwards `bytes` of the answer, then FIN.
 * `blackhole`: accepts and stays silent. `slow`: forwards the answer `bytes` at a time with `gap` milliseconds between.
 */
export type TcpMode =
  | { readonly kind: 'pass' | 'refuse' | 'reset' | 'blackhole' }
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'slow'; readonly bytes: number; readonly gap: number };

export class FaultyTcp {
  readonly #targetPort: number;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #mode: TcpMode = { kind: 'pass' };
  /** Connections that were accepted so far. */
  connections = 0;

  constructor(targetPort: number, clock: Clock = systemClock) {
    this.#targetPort = targetPort;
    this.#clock = clock;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<this> {
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Rules over connections from now on; with `drop` those that are open are destroyed as well. */
  async become(mode: TcpMode, drop = false): Promise<void> {
    this.#mode = mode;
    if (drop) this.#dropAll();
    if (mode.kind === 'refuse') await this.#stopListening();
    else if (this.#server === undefined) await this.listen();
  }

  async close(): Promise<void> {
    this.#dropAll();
    await this.#stopListening();
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    // The callback would wait for open connections; the port is free at once.
    server.close();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #accept(client: Socket): void {
    this.connections += 1;
    this.#track(client);
    const mode = this.#mode;
    if (mode.kind === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (mode.kind === 'blackhole') {
      client.resume();
      return;
    }
    const upstream = connect(this.#targetPort, '127.0.0.1');
    this.#track(upstream);
    upstream.once('close', () => {
      if (mode.kind !== 'slow') client.end();
    });
    client.once('close', () => upstream.destroy());
    client.pipe(upstream);
    if (mode.kind === 'cut') cut(upstream, client, mode.bytes);
    else if (mode.kind === 'slow') void this.#drip(upstream, client, mode.bytes, mode.gap);
    else upstream.pipe(client);
  }

  async #drip(from: Socket, to: Socket, bytes: number, gap: number): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length && !to.destroyed; at += bytes) {
          to.write(chunk.subarray(at, at + bytes));
          await new Promise<void>((resolve) => this.#clock.after(gap, resolve));
        }
      }
    } catch {
      // The other side broke off; closing ours says so.
    }
    to.end();
  }
}

function cut(from: Socket, to: Socket, bytes: number): void {
  let left = bytes;
  from.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    if (left > 0) {
      to.write(piece);
      return;
    }
    from.removeAllListeners('data');
    to.end(piece, () => {
      to.destroy();
      from.destroy();
    });
  });
}
