// SPDX-License-Identifier: Apache-2.0
// The tray's end of the window's channels: who asks, is it well formed, are there too many, and what failed as a code. What the answers
// are is its callers' business. docs: contract/tray.ts.

import type * as z from 'zod/mini';
import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import { type AnswerTo, type Ask, REQUESTS, type Reply, type RequestName } from '../contract/tray.ts';
import { isOurs } from './security.ts';
import type { Sender, Shell } from './shell-port.ts';

export type Handlers = { readonly [N in RequestName]: (ask: Ask<N>) => Promise<AnswerTo<N>> };

/** The contract's map, with what belongs to a name in its type. */
const ASKS: { readonly [N in RequestName]: { readonly ask: z.ZodMiniType<Ask<N>> } } = REQUESTS;

/** What the daemon is asked for, at most so many at once: the page has a handful. The rest is the tray's own, and costs nothing. */
const MOST_AT_ONCE = 16;
const OF_DAEMON: ReadonlySet<RequestName> = new Set(['recorded', 'usage', 'calls', 'call', 'doctor', 'act', 'save']);
/** Checks and a search may take a while. Milliseconds. */
const LIMIT_MS = 120_000;
/** The person takes their time over the name of a file. */
const UNLIMITED: ReadonlySet<RequestName> = new Set(['save']);

export interface RequestParts {
  readonly shell: Pick<Shell, 'handle'>;
  readonly clock: Clock;
  readonly handlers: Handlers;
  readonly log: Log;
}

/** Opens every channel of the contract, and no other. Returns what ends all that is under way: nobody waits for it any more. */
export function serveRequests({ shell, clock, handlers, log }: RequestParts): () => void {
  /** Of each the end. */
  const underWay = new Set<() => void>();

  /** Has a place until it is answered, takes too long, or is dropped. @throws as the handler does, or for those */
  const placed = async <T>(name: RequestName, answer: () => Promise<T>): Promise<T> => {
    let drop: () => void = () => undefined;
    const dropped = new Promise<never>((_resolve, reject) => {
      drop = () => reject(new Error('not waited for'));
    });
    underWay.add(drop);
    const limit = UNLIMITED.has(name) ? undefined : clock.after(LIMIT_MS, drop);
    try {
      return await Promise.race([answer(), dropped]);
    } finally {
      limit?.clear();
      underWay.delete(drop);
    }
  };

  const serve = <N extends RequestName>(name: N): void => {
    const schema = ASKS[name].ask;
    shell.handle(`outpost:${name}`, async (sender: Sender, value: unknown): Promise<Reply> => {
      if (!isOurs(sender)) {
        log.warn('window request refused', { request: name });
        return { ok: false, error: 'refused' };
      }
      const ask = schema.safeParse(value);
      if (!ask.success) return { ok: false, error: 'bad-ask' };
      const counts = OF_DAEMON.has(name);
      if (counts && underWay.size >= MOST_AT_ONCE) return { ok: false, error: 'busy' };
      const answer = () => handlers[name](ask.data);
      try {
        return { ok: true, value: await (counts ? placed(name, answer) : answer()) };
      } catch (error) {
        // The log is the person's own; the page learns only that it failed.
        log.info('window request failed', { request: name, error: error instanceof Error ? error.name : 'unknown' });
        return { ok: false, error: 'failed' };
      }
    });
  };
  for (const name of Object.keys(REQUESTS) as RequestName[]) serve(name);
  return () => {
    for (const drop of underWay) drop();
    underWay.clear();
  };
}
