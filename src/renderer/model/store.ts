// SPDX-License-Identifier: Apache-2.0
// What the page knows, as signals: fed by an AgentClient, read by the views. Touches no element.

import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { AgentClient, Link } from '../../client/agent-client.ts';
import type { AgentState } from '../../contract/local-api.ts';
import { STRINGS } from '../strings.ts';
import { type Summary, summarise } from './summary.ts';

export interface Store {
  readonly client: AgentClient;
  readonly link: ReadonlySignal<Link>;
  /** The last state; kept while the daemon does not answer. */
  readonly state: ReadonlySignal<AgentState | undefined>;
  readonly summary: ReadonlySignal<Summary>;
  /** For screen readers: what has just changed. */
  readonly announcement: ReadonlySignal<string>;
  /** Begins to follow the daemon. Returns the end of it. */
  start(): () => void;
}

/** What a listener should hear when one state follows another; '' for nothing. */
export function announce(before: AgentState | undefined, after: AgentState): string {
  if (before === undefined) return '';
  const known = new Set(before.activity.map((call) => call.id));
  const blocked = after.activity.find((call) => call.decision === 'blocked' && !known.has(call.id));
  if (blocked !== undefined) return STRINGS.activity.blockedNow(blocked.app ?? STRINGS.activity.unknown);
  const codes = (state: AgentState) => state.health.map((item) => item.code).join();
  if (codes(before) === codes(after)) return '';
  return summarise({ kind: 'live' }, after).text;
}

export function createStore(client: AgentClient): Store {
  const link = signal<Link>({ kind: 'connecting' });
  const state = signal<AgentState | undefined>(undefined);
  const announcement = signal('');
  const summary = computed(() => summarise(link.value, state.value));
  const say = (text: string): void => {
    if (text !== '') announcement.value = text;
  };
  return {
    client,
    link,
    state,
    summary,
    announcement,
    start: () =>
      client.watch({
        link: (next) =>
          batch(() => {
            const before = link.value.kind;
            if (before === next.kind) return;
            link.value = next;
            if (next.kind === 'lost') say(STRINGS.link.lostTitle);
            if (next.kind === 'signed-out') say(STRINGS.link.signedOutTitle);
            if (next.kind === 'live' && before !== 'connecting') say(STRINGS.link.back);
          }),
        state: (next) =>
          batch(() => {
            say(announce(state.value, next));
            state.value = next;
          }),
      }),
  };
}
