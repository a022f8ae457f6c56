// SPDX-License-Identifier: Apache-2.0
// The agent and its surrounding from inside the tray's window: over the channels that the preload lets through. Whatever comes is parsed
// before it is believed. Knows no Electron: it takes the two verbs as a value.

import * as z from 'zod/mini';
import {
  ACTIONS,
  type AnswerTo,
  type Ask,
  type Bridge,
  EVENTS,
  type EventName,
  type EventValue,
  REQUESTS,
  type RequestName,
  reply,
} from '../contract/tray.ts';
import type { PageClient } from './agent-client.ts';

/** The contract's maps, with what belongs to a name in its type. */
const ANSWERS: { readonly [N in RequestName]: { readonly answer: z.ZodMiniType<AnswerTo<N>> } } = REQUESTS;
const TOLD: { readonly [N in EventName]: z.ZodMiniType<EventValue<N>> } = EVENTS;

export function createIpcPage(bridge: Bridge): PageClient {
  const ask = async <N extends RequestName>(name: N, value: Ask<N>): Promise<AnswerTo<N>> => {
    const came = z.parse(reply, await bridge.ask(name, value));
    if (!came.ok) throw new Error(came.error);
    return ANSWERS[name].answer.parse(came.value);
  };

  /** What is not of the contract's form is dropped: it is from nobody that the page knows. */
  const on = <N extends EventName>(name: N, take: (value: EventValue<N>) => void): (() => void) =>
    bridge.on(name, (value) => {
      const came = TOLD[name].safeParse(value);
      if (came.success) take(came.data);
    });

  return {
    watch(watcher) {
      const ends = [on('link', watcher.link), on('state', watcher.state)];
      watcher.link({ kind: 'connecting' });
      // An answer that does not come leaves it at `connecting`: the tray itself is not there.
      ask('watch', {}).catch(() => undefined);
      return () => {
        for (const end of ends) end();
      };
    },
    retry: () => {
      ask('retry', {}).catch(() => undefined);
    },
    recorded: () => ask('recorded', {}),
    usage: () => ask('usage', {}),
    calls: (query) => ask('calls', query),
    call: async (id) => (await ask('call', { id })).call,
    async doctor(each, stop) {
      const end = on('check', (check) => {
        if (stop?.aborted !== true) each(check);
      });
      try {
        return await ask('doctor', {});
      } finally {
        end();
      }
    },
    surroundings: () => ask('surroundings', {}),
    prefer: (preferences) => ask('prefer', preferences),
    about: () => ask('about', {}),
    actions: ACTIONS,
    act: (action) => ask('act', { action }),
    save: (what) => ask('save', { what }),
    async copy(text) {
      await ask('copy', { text });
    },
    open: (url) => ask('open', { url }),
    listen({ show, surroundings }) {
      const ends = [on('show', ({ hash }) => show(hash)), on('surroundings', surroundings)];
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
