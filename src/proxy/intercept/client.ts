// SPDX-License-Identifier: Apache-2.0
// What the HTTP/1.1 and HTTP/2 adapters are told about a connection, whichever entrance it came through, and the count of calls
// that are still running. Knows nothing of TLS, CONNECT or the gateway's rules.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Log } from '../../contract/log.ts';
import type { Call, Connection, HandleCall, RawHeaders } from '../exchange/call.ts';
import type { Identity, Peer } from '../identity/owner.ts';
import { type LocalAnswer, refusal } from './local-answer.ts';

/** How long a decision about the process may wait for it: bursts and the worker's first lookups take some 100 ms. Milliseconds. */
const OWNER_MS = 2_000;

/** A request head as far as an entrance needs it to let the request in. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The one Host header, or `:authority`. */
  readonly authority: string;
  readonly headers: RawHeaders;
}

export interface Admitted {
  readonly kind: 'call';
  readonly host: string;
  readonly port: number;
  readonly provider?: string;
  readonly target: string;
  readonly headers: RawHeaders;
  /** Added to whatever is answered (CORS). */
  readonly replyHeaders: RawHeaders;
}

/** Answered by the entrance itself: refused, or about the entrance. `code` is undefined where nothing was refused. */
export interface AnsweredHere {
  readonly kind: 'answer';
  readonly answer: LocalAnswer;
  readonly code: ErrorCode | undefined;
}

export type Admission = Admitted | AnsweredHere;

export function refused(code: ErrorCode): AnsweredHere {
  return { kind: 'answer', answer: refusal(code), code };
}

export interface Client {
  /** The TCP connection; under TLS, what lies beneath. */
  readonly raw: Socket;
  readonly connection: Connection;
  readonly entrance: Call['entrance'];
  readonly scheme: Call['scheme'];
  admit(head: RequestHead): Admission | Promise<Admission>;
  /** Told once for each request head that was complete, whatever became of it. */
  onRequest?(): void;
}

/** What all adapters of one entrance share. */
export interface Front {
  readonly handle: HandleCall;
  readonly clock: Clock;
  readonly log: Log;
  readonly calls: CallCount;
  /** Which response a socket is busy with. */
  readonly answering: WeakMap<Duplex, ServerResponse>;
  onRefused(code: ErrorCode): void;
  /** True once a stop has begun: what still arrives is told to come back. */
  stopping(): boolean;
}

/** Counts running calls, so that a stop can wait for them. */
export interface CallCount {
  readonly running: number;
  begin(): () => void;
  /** Resolves when none is running. */
  idle(): Promise<void>;
}

export function createCallCount(): CallCount {
  let running = 0;
  let waiting: (() => void)[] = [];
  return {
    get running() {
      return running;
    },
    begin: () => {
      let open = true;
      running += 1;
      return () => {
        if (!open) return;
        open = false;
        running -= 1;
        if (running > 0) return;
        for (const resolve of waiting) resolve();
        waiting = [];
      };
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

/** Hands a call over; a handler that rejects against its contract is logged and the call is broken off. */
export function runCall(front: Front, call: Call, breakOff: () => void): void {
  front.handle(call).catch((error: unknown) => {
    front.log.error('call.handler-failed', { reason: error instanceof Error ? error.name : 'unknown' });
    breakOff();
  });
}

/** The connection as the kernel names it; undefined when it is already gone. */
export function peerOf(socket: Socket): Peer | undefined {
  const { localPort, remoteAddress, remotePort, remoteFamily } = socket;
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
  // The address too: 127.0.0.5 with someone's port number is someone else.
  return { family: remoteFamily === 'IPv6' ? 6 : 4, localPort, remoteAddress, remotePort };
}

/** Starts the owner lookup at once, so that it runs while TLS does. */
export function describeConnection(id: string, peer: Peer, identity: Identity): Connection {
  void identity.attribute(peer);
  return {
    id,
    peer,
    owner: async () => (await identity.attribute(peer)).owner,
    ownerSettled: async () => (await identity.settled(peer, OWNER_MS)).owner,
  };
}
