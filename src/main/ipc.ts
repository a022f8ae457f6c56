// SPDX-License-Identifier: Apache-2.0
// The tray's end of the window's channels: who asks, is it well formed, are there too many, and what failed as a code. What the answers
// are is its callers' business. docs: contract/tray.ts.

import type * as z from 'zod/mini';
import type { Log } from '../contract/log.ts';
import { type AnswerTo, type Ask, REQUESTS, type Reply, type RequestName } from '../contract/tray.ts';
import { isOurs } from './security.ts';
import type { Sender, Shell } from './shell-port.ts';

export type Handlers = { readonly [N in RequestName]: (ask: Ask<N>) => Promise<AnswerTo<N>> };

/** The contract's map, with what belongs to a name in its type. */
const ASKS: { readonly [N in RequestName]: { readonly ask: z.ZodMiniType<Ask<N>> } } = REQUESTS;

/** The page has at most a handful at once; checks and a search may take a while. */
const MOST_AT_ONCE = 16;

export interface RequestParts {
  readonly shell: Pick<Shell, 'handle'>;
  readonly handlers: Handlers;
  readonly log: Log;
}

/** Opens every channel of the contract, and no other. */
export function serveRequests({ shell, handlers, log }: RequestParts): void {
  let underWay = 0;

  const serve = <N extends RequestName>(name: N): void => {
    const schema = ASKS[name].ask;
    shell.handle(`outpost:${name}`, async (sender: Sender, value: unknown): Promise<Reply> => {
      if (!isOurs(sender)) {
        log.warn('window request refused', { request: name });
        return { ok: false, error: 'refused' };
      }
      const ask = schema.safeParse(value);
      if (!ask.success) return { ok: false, error: 'bad-ask' };
      if (underWay >= MOST_AT_ONCE) return { ok: false, error: 'busy' };
      underWay++;
      try {
        return { ok: true, value: await handlers[name](ask.data) };
      } catch (error) {
        // The log is the person's own; the page learns only that it failed.
        log.info('window request failed', { request: name, error: error instanceof Error ? error.name : 'unknown' });
        return { ok: false, error: 'failed' };
      } finally {
        underWay--;
      }
    });
  };
  for (const name of Object.keys(REQUESTS) as RequestName[]) serve(name);
}
