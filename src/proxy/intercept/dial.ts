// SPDX-License-Identifier: Apache-2.0
// One TCP connection to where a client wants to go, Happy Eyeballs included, with every resolved address checked before it is
// tried. For tunnels and plain HTTP; governed calls have their own way upstream. Knows nothing of what the bytes mean.

import { lookup as systemLookup } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from '../../contract/clock.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Authority } from './authority.ts';
import { refuseAddress, type TargetRules } from './target-guard.ts';

export type Resolve = LookupFunction;

export interface DialOptions {
  readonly rules: () => Pick<TargetRules, 'allowPrivate' | 'ownPorts'>;
  readonly clock: Clock;
  /** Milliseconds for DNS and all connection attempts together. */
  readonly connectMs: () => number;
  /** Defaults to the operating system's resolver. */
  readonly resolve?: Resolve;
}

export type Dialled =
  | { readonly kind: 'connected'; readonly socket: Socket }
  | { readonly kind: 'forbidden' | 'unreachable' | 'timeout' };

export type Dial = (target: Authority) => { readonly result: Promise<Dialled>; cancel(): void };

/** Idle peers that vanished without a FIN are found by TCP itself. Milliseconds. */
const KEEP_ALIVE_MS = 60_000;

class ForbiddenAddress extends Error {}

/** The promise never rejects. The socket comes with no delay, keep-alive and half-open allowed, paused, without an error listener of its own gone. */
export function createDial(options: DialOptions): Dial {
  return (target) => {
    const socket = connect({
      host: target.host,
      port: target.port,
      autoSelectFamily: true,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      lookup: guardedLookup(target, options),
    });
    const result = new Promise<Dialled>((resolve) => {
      const timer = options.clock.after(options.connectMs(), () => {
        resolve({ kind: 'timeout' });
        socket.destroy();
      });
      // Stays for the socket's life: an error without a listener would end the process.
      socket.on('error', (error) => {
        timer.clear();
        resolve({ kind: isForbidden(error) ? 'forbidden' : 'unreachable' });
      });
      socket.once('close', () => {
        timer.clear();
        resolve({ kind: 'unreachable' });
      });
      socket.once('connect', () => {
        timer.clear();
        resolve({ kind: 'connected', socket });
      });
    });
    return { result, cancel: () => socket.destroy() };
  };
}

/** Dials for a client. When that leaves meanwhile, the attempt is given up and nothing stays open. */
export async function dialFor(client: Socket, dial: Dial, target: Authority): Promise<Dialled> {
  const { result, cancel } = dial(target);
  client.once('close', cancel);
  const dialled = await result;
  client.off('close', cancel);
  if (dialled.kind !== 'connected' || !client.destroyed) return dialled;
  dialled.socket.destroy();
  return { kind: 'unreachable' };
}

/** What the client is told when there is no connection. */
export function dialFailure(kind: Exclude<Dialled['kind'], 'connected'>): ErrorCode {
  return kind === 'forbidden' ? 'OUT_FORBIDDEN_TARGET' : 'OUT_UPSTREAM_UNREACHABLE';
}

/**
 * A resolver that drops forbidden addresses. What it returns is what gets connected, so a name that resolves differently a moment
 * later changes nothing. Literal addresses never reach it; they are checked as text first.
 */
export function guardedLookup(
  target: Pick<Authority, 'host' | 'port'>,
  { rules, resolve = systemLookup }: Pick<DialOptions, 'rules' | 'resolve'>,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = typeof found === 'string' ? [] : found;
      const allowed = addresses.filter(({ address }) => refuseAddress(address, target, rules()) === undefined);
      const [first] = allowed;
      if (first === undefined) return callback(new ForbiddenAddress('no permitted address'), []);
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ForbiddenAddress;
}
