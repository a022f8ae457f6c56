// SPDX-License-Identifier: Apache-2.0
// Events within one process. Knows nothing of who listens.

import type { Log } from '../../contract/log.ts';
import type { Events, NudgeEvent } from '../context.ts';

export interface Bus extends Events {
  /** Hands an event to the listeners here, and nowhere else. */
  deliver(event: NudgeEvent): void;
}

/** A listener that throws is logged and disturbs no other. */
export function createBus(log: Log): Bus {
  const listeners = new Set<(event: NudgeEvent) => void>();
  const deliver = (event: NudgeEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error('events.listener', { error: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  return {
    deliver,
    async publish(event) {
      deliver(event);
    },
    subscribe(listener) {
      // Wrapped, so that the same function may subscribe twice.
      const own = (event: NudgeEvent): void => listener(event);
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    async close() {
      listeners.clear();
    },
  };
}
