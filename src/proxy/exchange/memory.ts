// SPDX-License-Identifier: Apache-2.0
// A conversation's memory: what a provider told for itself alone is taken from its answer and given back with the next request to it.
// Joins the dialects' words to the state room; keeps nothing itself.

import { anchorsOf, attachState } from '../state/attach.ts';
import { createStateCollector } from '../state/collect.ts';
import type { StateStore } from '../state/store.ts';
import type { ConversationMemory } from './prepare.ts';

/** @param scope whose conversation it is; must not reject */
export function conversationMemory(store: StateStore, scope: () => Promise<string>): ConversationMemory {
  return {
    async recall(provider, request) {
      const anchors = anchorsOf(request);
      if (anchors.length === 0) return undefined;
      const found = await store.recall({ provider, scope: await scope() }, anchors);
      return found.size === 0 ? undefined : (given) => attachState(given, found);
    },
    take(provider) {
      const collector = createStateCollector();
      return {
        push: (event) => collector.push(event),
        keep() {
          const entries = collector.entries();
          if (entries.length === 0) return;
          void scope().then((whose) => store.remember({ provider, scope: whose }, entries));
        },
      };
    },
  };
}
