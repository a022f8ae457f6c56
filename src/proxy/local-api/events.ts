// SPDX-License-Identifier: Apache-2.0
// Sends the state to open pages as server-sent events: whole, at most four times a second, built once for all of them.

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../contract/clock.ts';

/** A person sees no more; 4 x 60 KB a second is the most that a busy page costs. */
const LEAST_GAP_MS = 250;
/** Under the 30 s after which clients give a silent connection up. */
export const HEARTBEAT_MS = 10_000;
/** Pages of one person; more is a mistake or an attack on memory. */
export const MOST_CLIENTS = 16;
/** A client that takes nothing for this many heartbeats has gone or is stuck. */
const MOST_MISSED = 3;

export interface EventParts {
  readonly clock: Clock;
  /** The state as JSON text, on one line. */
  readonly snapshot: () => string;
  readonly subscribe: (listener: () => void) => () => void;
}

export interface Events {
  /** No further client may be added. */
  readonly isFull: boolean;
  /** Takes over a response whose head has been written. */
  add(response: ServerResponse): void;
  close(): void;
}

interface Client {
  readonly response: ServerResponse;
  /** A newer state waits until this client has taken the one before. */
  behind: boolean;
  missed: number;
}

export function createEvents({ clock, snapshot, subscribe }: EventParts): Events {
  const clients = new Set<Client>();
  let leave: (() => void) | undefined;
  let beat: Timer | undefined;
  let planned: Timer | undefined;
  let lastSent = Number.NEGATIVE_INFINITY;

  const frame = () => `event: state\ndata: ${snapshot()}\n\n`;

  const send = (): void => {
    planned = undefined;
    lastSent = clock.monotonic();
    let text: string | undefined;
    for (const client of clients) {
      client.behind = client.response.writableNeedDrain;
      if (client.behind) continue;
      text ??= frame();
      client.response.write(text);
    }
  };

  const changed = (): void => {
    if (planned !== undefined) return;
    const wait = lastSent + LEAST_GAP_MS - clock.monotonic();
    if (wait <= 0) send();
    else planned = clock.after(wait, send);
  };

  const heartbeat = (): void => {
    for (const client of clients) {
      if (!client.response.writableNeedDrain) client.response.write(': alive\n\n');
      else if (++client.missed >= MOST_MISSED) client.response.destroy();
    }
  };

  const stopWatching = (): void => {
    leave?.();
    beat?.clear();
    planned?.clear();
    leave = beat = planned = undefined;
  };

  return {
    get isFull() {
      return clients.size >= MOST_CLIENTS;
    },
    add(response) {
      const client: Client = { response, behind: false, missed: 0 };
      clients.add(client);
      leave ??= subscribe(changed);
      beat ??= clock.every(HEARTBEAT_MS, heartbeat);
      response.on('drain', () => {
        client.missed = 0;
        if (client.behind) changed();
      });
      response.on('close', () => {
        clients.delete(client);
        if (clients.size === 0) stopWatching();
      });
      response.write(frame());
    },
    close() {
      stopWatching();
      for (const client of clients) client.response.end();
      clients.clear();
    },
  };
}
