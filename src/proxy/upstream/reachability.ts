// SPDX-License-Identifier: Apache-2.0
// The free look at a provider that is out: can a connection be made? Costs no tokens and sends no request. Owns the check and the
// loop that asks for it; must not know breakers, calls or credentials.

import type { Clock } from '../../contract/clock.ts';
import { connectTcp, connectTls, type TcpTarget } from './connect.ts';
import type { Trust } from './trust.ts';

/** Name look-up, TCP and TLS together; as long as a call would wait (gateways.md 6.5). Milliseconds. */
const CHECK_MS = 5_000;

/** gateways.md 6.3: while an endpoint is out for connection trouble, it is looked at this often. Milliseconds. */
export const DEFAULT_CHECK_EVERY_MS = 5_000;

/** A connection with its peer verified. Rejects when there is none, or when `signal` aborts. */
export type Dial = (origin: string, signal: AbortSignal) => Promise<{ destroy(): unknown }>;

/** Dials `scheme://host:port` as calls are dialled. */
export function createDial(options: Pick<TcpTarget, 'clock' | 'lookup'> & { readonly trust: () => Trust }): Dial {
  const { trust, ...rest } = options;
  return (origin, signal) => {
    const { protocol, hostname, port } = new URL(origin);
    const secure = protocol === 'https:';
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const target = { ...rest, host, port: Number(port) || (secure ? 443 : 80), timeoutMs: CHECK_MS, signal };
    return secure ? connectTls({ ...target, trust: trust() }) : connectTcp(target);
  };
}

/** Does the origin take connections? Never rejects, and answers within 5 seconds, whatever `dial` does. */
export async function isReachable(dial: Dial, clock: Clock, origin: string, signal?: AbortSignal): Promise<boolean> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const given = new Promise<false>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  signal?.addEventListener('abort', abort, { once: true });
  const timer = clock.after(CHECK_MS, abort);
  if (signal?.aborted) abort();
  const dialled = (async () => {
    (await dial(origin, controller.signal)).destroy();
    return true;
  })().catch(() => false);
  const reachable = await Promise.race([given, dialled]);
  timer.clear();
  signal?.removeEventListener('abort', abort);
  return reachable;
}

export interface ChecksOptions {
  readonly clock: Clock;
  /** Names of the providers that are out and may be looked at. */
  readonly wantsCheck: () => readonly string[];
  readonly check: (provider: string, signal: AbortSignal) => Promise<boolean>;
  readonly checked: (provider: string, reachable: boolean) => void;
  /** Milliseconds. */
  readonly everyMs: number;
}

export interface Checks {
  /** Ends what is under way; nothing is reported any more. */
  close(): void;
}

/** Looks at each of them every `everyMs`, never at one twice at the same time. */
export function startChecks({ clock, wantsCheck, check, checked, everyMs }: ChecksOptions): Checks {
  const running = new Set<string>();
  const controller = new AbortController();

  async function look(provider: string): Promise<void> {
    running.add(provider);
    const reachable = await check(provider, controller.signal).catch(() => false);
    running.delete(provider);
    if (!controller.signal.aborted) checked(provider, reachable);
  }

  const timer = clock.every(everyMs, () => {
    for (const provider of wantsCheck()) if (!running.has(provider)) void look(provider);
  });
  return {
    close() {
      timer.clear();
      controller.abort();
    },
  };
}
