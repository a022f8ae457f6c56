// SPDX-License-Identifier: Apache-2.0
// One undici Pool per provider origin, HTTP/1.1. Owns sockets and their limits; knows nothing of calls, policy or dialects.

import { TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Clock } from '../../contract/clock.ts';
import { createSocketUses } from './socket-uses.ts';

/** Open origins kept at once; the least recently used idle one is closed first, so that thousands of hosts stay flat. */
const MAX_ORIGINS = 64;

export interface NegotiatedTls {
  readonly version: string;
  readonly cipher: string;
}

export interface Pools {
  /** `origin` is `scheme://host:port`. To be used at once: a pool may be retired at any time. */
  pool(origin: string): Pool;
  /** What the newest connection to the origin negotiated; undefined for plain HTTP or before the first connection. */
  tls(origin: string): NegotiatedTls | undefined;
  /**
   * Did a dispatched request fail because its connection had been closed while it was idle? Its connection had served before, and
   * failed within a second without one byte: the request may be sent once more, on a new connection (see `renew`). To be asked as it
   * fails.
   * @param handler the one that was dispatched
   * @param error what it failed with
   */
  wasStale(handler: object, error: unknown): boolean;
  /** The next request to the origin gets a new connection: idle ones are closed, calls under way go on. */
  renew(origin: string): void;
  /** The same for all origins. After sleep or a change of network no idle connection can be trusted. */
  reset(): void;
  /** Drops every socket; calls under way fail. */
  close(): Promise<void>;
}

export function createPools(options: { readonly connector: buildConnector.connector; readonly clock: Clock }): Pools {
  const pools = new Map<string, Pool>();
  /** No longer given out, with calls under way. */
  const retired = new Set<Pool>();
  const negotiated = new Map<string, NegotiatedTls>();
  const uses = createSocketUses(options.clock);

  function open(origin: string): Pool {
    const connect: buildConnector.connector = (target, callback) => {
      options.connector(target, (...result) => {
        const socket = result[1];
        if (socket instanceof TLSSocket) {
          negotiated.set(origin, { version: socket.getProtocol() ?? '', cipher: socket.getCipher()?.name ?? '' });
        }
        callback(...result);
      });
    };
    return new Pool(origin, {
      factory: (url, given) => uses.client(url, given, connect),
      // One call a socket: as many at once as an unbounded client would open, within the descriptors of a process.
      connections: 512,
      pipelining: 1,
      allowH2: false,
      // Shorter than what servers keep: a socket reused as the peer closes it fails the call (gateways.md 2.2: 4 s gave 0 of 2,000).
      // A server that says `Keep-Alive: timeout` gets its value less the threshold.
      keepAliveTimeout: 4_000,
      keepAliveTimeoutThreshold: 1_000,
      // The exchange has its own timers, on the injected clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
      strictContentLength: true,
    });
  }

  function retire(origin: string): void {
    const pool = pools.get(origin);
    if (pool === undefined) return;
    pools.delete(origin);
    negotiated.delete(origin);
    retired.add(pool);
    // Closes idle sockets now and the others as their calls end.
    void pool
      .close()
      .catch(() => undefined)
      .finally(() => retired.delete(pool));
  }

  function trim(): void {
    if (pools.size <= MAX_ORIGINS) return;
    for (const [origin, pool] of pools) {
      if (pool.stats.running > 0 || pool.stats.pending > 0) continue;
      retire(origin);
      if (pools.size <= MAX_ORIGINS) return;
    }
  }

  async function close(): Promise<void> {
    const all = [...pools.values(), ...retired];
    pools.clear();
    await Promise.all(all.map((pool) => pool.destroy().catch(() => undefined)));
  }

  return {
    pool(origin) {
      let pool = pools.get(origin);
      if (pool === undefined) pool = open(origin);
      else pools.delete(origin);
      pools.set(origin, pool);
      trim();
      return pool;
    },
    tls: (origin) => negotiated.get(origin),
    wasStale: uses.wasStale,
    renew: retire,
    reset: () => {
      for (const origin of [...pools.keys()]) retire(origin);
    },
    close,
  };
}
