// SPDX-License-Identifier: Apache-2.0
// The one daemon that is followed now: its stream of states, and single questions to it. Knows no life.

import type { AgentClient } from '../client/agent-client.ts';
import { createHttpClient } from '../client/http.ts';
import type { Clock } from '../contract/clock.ts';
import type { AgentState } from '../contract/local-api.ts';
import { API_VERSION, API_VERSION_HEADER } from '../contract/local-api-constants.ts';
import { agentFetch } from './agent-fetch.ts';
import type { Place } from './run-file.ts';

export interface Followed {
  readonly client: AgentClient;
  /** Anything else of the API. Rejects when nobody answers. */
  ask(method: 'GET' | 'POST', path: string): Promise<Response>;
  end(): void;
}

export interface FollowListener {
  live(): void;
  state(state: AgentState): void;
  /** It is silent, or does not know the token any more. */
  gone(): void;
  /** What it says is not understood. */
  misfit(): void;
}

/** Nothing is told after the end, nor after `gone` or `misfit`. */
export function follow(place: Place, clock: Clock, listener: FollowListener): Followed {
  const fetch = agentFetch(place, clock);
  const client = createHttpClient({ fetch, clock, base: place.origin });
  let over = false;
  let unwatch: (() => void) | undefined;
  const end = (): void => {
    over = true;
    unwatch?.();
  };
  const last = (tell: () => void): void => {
    end();
    tell();
  };
  unwatch = client.watch({
    link({ kind }) {
      if (over) return;
      if (kind === 'live') listener.live();
      else if (kind === 'outdated') last(listener.misfit);
      else if (kind !== 'connecting') last(listener.gone);
    },
    state(state) {
      if (!over) listener.state(state);
    },
  });
  return {
    client,
    ask: (method, path) =>
      fetch(place.origin + path, { method, headers: { [API_VERSION_HEADER]: String(API_VERSION) } }),
    end,
  };
}
