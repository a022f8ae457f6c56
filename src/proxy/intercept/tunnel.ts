// SPDX-License-Identifier: Apache-2.0
// A blind tunnel: two sockets joined byte for byte, half-close and backpressure included. Counts bytes and nothing else.
// Must not know, log or keep anything of what passes.

import type { Socket } from 'node:net';
import type { Clock } from '../../contract/clock.ts';
import { resetConnection } from './outflow.ts';

export interface TunnelCounts {
  readonly open: number;
  readonly total: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface Joined {
  /** Lets the client's bytes go as well; `last` is given when the client's side has already ended with them. */
  complete(last?: Buffer): void;
  /** Undoes the joining: the upstream is closed, the client is as it was. */
  release(): void;
}

export interface Tunnels {
  /** Server to client at once (the server may speak first). Until `complete`, nothing of the client's is read. */
  join(client: Socket, upstream: Socket): Joined;
  counts(): TunnelCounts;
  close(): void;
}

/** Long enough for an idle ssh session over a working day; dead peers are found by TCP keep-alive. Milliseconds. */
const TUNNEL_IDLE_MS = 4 * 60 * 60 * 1000;
const SWEEP_MS = 5 * 60 * 1000;

interface Open {
  readonly client: Socket;
  readonly upstream: Socket;
  seen: number;
  since: number;
}

export function createTunnels(clock: Clock): Tunnels {
  const open = new Set<Open>();
  let total = 0;
  let bytesUp = 0;
  let bytesDown = 0;
  // One look at all tunnels now and then instead of a timer touched by each chunk.
  const sweep = clock.every(SWEEP_MS, () => {
    for (const tunnel of open) {
      const seen = tunnel.upstream.bytesRead + tunnel.upstream.bytesWritten;
      if (seen !== tunnel.seen) {
        tunnel.seen = seen;
        tunnel.since = clock.monotonic();
      } else if (clock.monotonic() - tunnel.since >= TUNNEL_IDLE_MS) {
        tunnel.client.destroy();
        tunnel.upstream.destroy();
      }
    }
  });
  return {
    join: (client, upstream) => {
      const tunnel: Open = { client, upstream, seen: -1, since: clock.monotonic() };
      const up = upstream.bytesWritten;
      const down = upstream.bytesRead;
      open.add(tunnel);
      total += 1;
      const unlink = linkFates(client, upstream);
      upstream.once('close', () => {
        open.delete(tunnel);
        bytesUp += upstream.bytesWritten - up;
        bytesDown += upstream.bytesRead - down;
      });
      upstream.pipe(client);
      return {
        complete: (last) => {
          if (last !== undefined) return void upstream.end(last);
          client.pipe(upstream);
          client.resume();
        },
        release: () => {
          unlink();
          upstream.unpipe(client);
          upstream.destroy();
        },
      };
    },
    counts: () => ({ open: open.size, total, bytesUp, bytesDown }),
    close: () => {
      sweep.clear();
      for (const { client, upstream } of open) {
        client.destroy();
        upstream.destroy();
      }
    },
  };
}

/** A side that breaks breaks the other as well: a reset is passed on as a reset, never as a clean end. Returns the undo. */
function linkFates(a: Socket, b: Socket): () => void {
  const follow = (one: Socket, other: Socket): (() => void) => {
    const onClose = (hadError: boolean): void => {
      if (hadError || !one.readableEnded) resetConnection(other);
    };
    one.once('close', onClose);
    return () => one.off('close', onClose);
  };
  const undo = [follow(a, b), follow(b, a)];
  return () => {
    for (const off of undo) off();
  };
}
