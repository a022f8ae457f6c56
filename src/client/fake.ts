// SPDX-License-Identifier: Apache-2.0
// An agent and a surrounding that the holder plays: for tests and the gallery of what the page makes of them.

import type { AgentState } from '../contract/local-api.ts';
import { type About, type Action, DEFAULT_PREFERENCES, type Preferences, type Surroundings } from '../contract/tray.ts';
import type { AgentClient, Link, PageClient, Surrounding, Watcher } from './agent-client.ts';

export interface FakeClient extends PageClient {
  link(link: Link): void;
  state(state: AgentState): void;
  /** As a deep link would. */
  show(hash: string): void;
  readonly retries: number;
  readonly watchers: number;
  /** What the page asked of its surrounding, oldest first. */
  readonly asked: readonly string[];
}

export type FakeAnswers = Partial<
  Pick<AgentClient, 'recorded' | 'usage' | 'calls' | 'call' | 'doctor'> &
    Pick<Surrounding, 'act' | 'save' | 'copy' | 'open'>
> & {
  readonly actions?: readonly Action[];
  readonly about?: About;
  readonly language?: Surroundings['language'];
  readonly preferences?: Preferences;
};

const ABOUT: About = { runtime: [], settable: ['language', 'theme'] };

export function createFakeClient(answers: FakeAnswers = {}): FakeClient {
  const watchers = new Set<Watcher>();
  const listeners = new Set<Parameters<PageClient['listen']>[0]>();
  const asked: string[] = [];
  const unanswered = () => Promise.reject(new Error('not answered'));
  const { about = ABOUT, language = 'en', actions = [], preferences: first = DEFAULT_PREFERENCES, ...rest } = answers;
  let preferences = first;
  let retries = 0;
  const surroundings = (): Surroundings => ({
    language: preferences.language === 'system' ? language : preferences.language,
    preferences,
  });
  return {
    get retries() {
      return retries;
    },
    get watchers() {
      return watchers.size;
    },
    asked,
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
    surroundings: async () => surroundings(),
    async prefer(wanted) {
      asked.push('prefer');
      preferences = wanted;
      return surroundings();
    },
    about: async () => about,
    actions,
    async act(action) {
      asked.push(`act ${action}`);
      return { ok: true };
    },
    async save(what) {
      asked.push(`save ${what}`);
      return { kind: 'saved' };
    },
    async copy(text) {
      asked.push(`copy ${text}`);
    },
    async open(url) {
      asked.push(`open ${url}`);
      return { ok: true };
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ...rest,
    link: (link) => {
      for (const watcher of watchers) watcher.link(link);
    },
    state: (state) => {
      for (const watcher of watchers) watcher.state(state);
    },
    show: (hash) => {
      for (const listener of listeners) listener.show(hash);
    },
  };
}
