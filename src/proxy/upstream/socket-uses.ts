// SPDX-License-Identifier: Apache-2.0
// Remembers on which socket each request of a pool went out, and whether that socket had served before. Owns no sockets; knows nothing
// of calls. A server may close an idle connection just as a request is sent on it: only then is a second try certain to be harmless.

import type { Socket } from 'node:net';
import type { buildConnector, Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import type { Clock } from '../../contract/clock.ts';

/** What a connection that the peer had already closed fails with. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Milliseconds. The FIN or RST for a request on a connection that was closed while idle is back within a round trip. Whatever fails
 * later may have been read, worked on and billed before it failed.
 */
const STALE_WITHIN_MS = 1_000;

interface Use {
  socket: Socket | undefined;
  reused: boolean;
  /** The socket's when the request was given to it. */
  bytesRead: number;
  /** `Clock.monotonic()`: when the request was given to it. */
  readonly at: number;
}

export interface SocketUses {
  /** A client for undici's Pool: one connection at a time, opened by `connector`. */
  client(origin: URL, options: object, connector: buildConnector.connector): Dispatcher;
  /**
   * Was the request given to a connection that had served before, and did that fail with `error` at once, before one byte came
   * back? To be asked as it fails: the time until now counts.
   * @param handler the one that was dispatched
   */
  wasStale(handler: object, error: unknown): boolean;
}

/** The connection of one client, as far as its requests care. */
interface Connection {
  socket: Socket | undefined;
  requests: number;
  newest: Use | undefined;
}

class CountingClient extends Client {
  readonly #begin: (handler: object) => void;

  constructor(origin: URL, options: Client.Options, begin: (handler: object) => void) {
    super(origin, options);
    this.#begin = begin;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#begin(handler);
    return super.dispatch(options, handler);
  }
}

export function createSocketUses(clock: Pick<Clock, 'monotonic'>): SocketUses {
  const uses = new WeakMap<object, Use>();

  return {
    client(origin, options, connector) {
      const connection: Connection = { socket: undefined, requests: 0, newest: undefined };
      const connect: buildConnector.connector = (target, callback) => {
        connector(target, (...result) => {
          if (result[0] === null) opened(connection, result[1]);
          callback(...result);
        });
      };
      return new CountingClient(origin, { ...options, connect }, (handler) =>
        uses.set(handler, begun(connection, clock.monotonic())),
      );
    },

    wasStale(handler, error) {
      const use = uses.get(handler);
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (use?.socket === undefined || !use.reused || typeof code !== 'string' || !CLOSED.has(code)) return false;
      return use.socket.bytesRead === use.bytesRead && clock.monotonic() - use.at <= STALE_WITHIN_MS;
    },
  };
}

function begun(connection: Connection, at: number): Use {
  const socket = connection.socket?.destroyed === false ? connection.socket : undefined;
  const reused = socket !== undefined && connection.requests > 0;
  const use = { socket, reused, bytesRead: socket?.bytesRead ?? 0, at };
  connection.requests++;
  connection.newest = use;
  return use;
}

/** The request for which the connection was opened has been begun already. */
function opened(connection: Connection, socket: Socket): void {
  connection.socket = socket;
  connection.requests = 1;
  if (connection.newest === undefined) return;
  connection.newest.socket = socket;
  connection.newest.reused = false;
  connection.newest.bytesRead = socket.bytesRead;
}
