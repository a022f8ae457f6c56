// SPDX-License-Identifier: Apache-2.0
// An agent that the holder plays: for tests of what the page makes of it.

import type { AgentState } from '../contract/local-api.ts';
import type { AgentClient, Link, Watcher } from './agent-client.ts';

export interface FakeClient extends AgentClient {
  link(link: Link): void;
  state(state: AgentState): void;
  readonly retries: number;
  readonly watchers: number;
}

export type FakeAnswers = Partial<Pick<AgentClient, 'recorded' | 'usage' | 'calls' | 'call' | 'doctor'>>;

export function createFakeClient(answers: FakeAnswers = {}): FakeClient {
  const watchers = new Set<Watcher>();
  const unanswered = () => Promise.reject(new Error('not answered'));
  let retries = 0;
  return {
    get retries() {
      return retries;
    },
    get watchers() {
      return watchers.size;
    },
    watch(watcher) {
      watchers.add(watcher);
      watcher.link({ kind: 'connecting' });
      return () => watchers.delete(watcher);
    },
    retry: () => {
      retries++;
    },
    recorded: unanswered,
    usage: unanswered,
    calls: unanswered,
    call: unanswered,
    doctor: unanswered,
    ...answers,
    link: (link) => {
      for (const watcher of watchers) watcher.link(link);
    },
    state: (state) => {
      for (const watcher of watchers) watcher.state(state);
    },
  };
}
