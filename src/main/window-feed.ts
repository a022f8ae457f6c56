// SPDX-License-Identifier: Apache-2.0
// The daemon's state on its way to the window: only while one listens, at most four times a second, the latest wins.

import type { Watcher } from '../client/agent-client.ts';
import type { Clock, Timer } from '../contract/clock.ts';
import type { AgentState } from '../contract/local-api.ts';
import type { EventName, EventValue } from '../contract/tray.ts';

/** Milliseconds between two states. A state has up to 60 KB, and nobody reads faster. */
const PACE = 250;

export interface WindowFeedParts {
  readonly clock: Clock;
  readonly send: <N extends EventName>(name: N, value: EventValue<N>) => void;
  /** Tells what holds now at once, then each change. Returns the end of it. */
  readonly watch: (watcher: Watcher) => () => void;
}

export interface WindowFeed {
  /** From the beginning, if it ran already: who asks has just been loaded. */
  start(): void;
  stop(): void;
}

export function createWindowFeed({ clock, send, watch }: WindowFeedParts): WindowFeed {
  let end: (() => void) | undefined;
  let waiting: Timer | undefined;
  let latest: AgentState | undefined;

  const flush = (): void => {
    waiting = undefined;
    if (latest === undefined) return;
    const state = latest;
    latest = undefined;
    waiting = clock.after(PACE, flush);
    send('state', state);
  };
  const stop = (): void => {
    end?.();
    waiting?.clear();
    end = undefined;
    waiting = undefined;
    latest = undefined;
  };
  return {
    start() {
      stop();
      end = watch({
        link: (link) => send('link', link),
        state: (state) => {
          latest = state;
          if (waiting === undefined) flush();
        },
      });
    },
    stop,
  };
}
