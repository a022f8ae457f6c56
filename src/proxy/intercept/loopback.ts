// SPDX-License-Identifier: Apache-2.0
// One port on both loopback addresses, for any kind of server. Never listens anywhere else; knows nothing of what is served.

import type { AddressInfo, Server } from 'node:net';

export type LoopbackHost = '127.0.0.1' | '::1';

export interface Loopback {
  readonly port: number;
  /** False where the machine has no ::1. */
  readonly ipv6: boolean;
  readonly servers: readonly Server[];
}

/** How often a free port is asked for when the one that 127.0.0.1 got is taken on ::1. */
const PORT_ATTEMPTS = 5;

/**
 * `open` resolves with a server that listens, or rejects with the system's error; `port` 0 picks one that is free on both addresses.
 * Rejects with the error of `open` (EADDRINUSE, EACCES), nothing left listening.
 */
export async function openLoopback(
  port: number,
  open: (host: LoopbackHost, port: number) => Promise<Server>,
): Promise<Loopback> {
  for (let attempt = 1; ; attempt++) {
    const v4 = await open('127.0.0.1', port);
    const bound = (v4.address() as AddressInfo).port;
    try {
      return { port: bound, ipv6: true, servers: [v4, await open('::1', bound)] };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return { port: bound, ipv6: false, servers: [v4] };
      v4.close();
      if (port !== 0 || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

/** No new connections from now on; open ones go on. Resolves when the last of them has closed. */
export async function stopAccepting(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
}
