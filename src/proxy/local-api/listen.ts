// SPDX-License-Identifier: Apache-2.0
// One port on both loopback addresses. Never listens anywhere else.

import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

export interface Listening {
  readonly port: number;
  /** False: this machine has no IPv6 loopback. */
  readonly ipv6: boolean;
}

/** A free port of one family may be taken in the other; then another one is tried. */
const MOST_TRIES = 8;

async function listen(server: Server, port: number, host: '127.0.0.1' | '::1'): Promise<number> {
  server.listen({ port, host, ipv6Only: host === '::1' });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * Starts `v4` on 127.0.0.1 and `v6` on ::1 with the same port; 0 picks a free one. Rejects with the system's error (EADDRINUSE,
 * EACCES) and nothing listening. A machine without IPv6 is not an error.
 */
export async function listenOnLoopback(v4: Server, v6: Server, port: number): Promise<Listening> {
  for (let tries = 1; ; tries++) {
    const chosen = await listen(v4, port, '127.0.0.1');
    try {
      await listen(v6, chosen, '::1');
      return { port: chosen, ipv6: true };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return { port: chosen, ipv6: false };
      v4.close();
      await once(v4, 'close');
      if (code !== 'EADDRINUSE' || port !== 0 || tries >= MOST_TRIES) throw error;
    }
  }
}
