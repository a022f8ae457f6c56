// SPDX-License-Identifier: Apache-2.0
// What the page knows, as signals: fed by a PageClient, read by the views. Touches no element.

import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Link, PageClient } from '../../client/agent-client.ts';
import { type Summary, summarise } from '../../client/summary.ts';
import type { Clock } from '../../contract/clock.ts';
import type { AgentState } from '../../contract/local-api.ts';
import type { Preferences, Surroundings } from '../../contract/tray.ts';
import type { Words } from '../../strings/catalogue.ts';
import { type Ui, uiFor } from '../ui.ts';
import { blockedSince, createBlocked } from './announcements.ts';
import { type Checks, createChecks } from './checks.ts';
import { keepSame } from './same.ts';

export interface Store {
  readonly client: PageClient;
  readonly link: ReadonlySignal<Link>;
  /** The last state; kept while the daemon does not answer. */
  readonly state: ReadonlySignal<AgentState | undefined>;
  readonly summary: ReadonlySignal<Summary>;
  readonly surroundings: ReadonlySignal<Surroundings>;
  /** Words and formats of the language that holds; views take them by `useUi`. */
  readonly ui: ReadonlySignal<Ui>;
  readonly checks: Checks;
  /** For screen readers: what has just changed. */
  readonly announcement: ReadonlySignal<string>;
  say(text: string): void;
  prefer(preferences: Preferences): Promise<void>;
  /** Begins to follow daemon and surrounding; `show`: another view is asked for from outside. Returns the end of it. */
  start(show?: (hash: string) => void): () => void;
}

/** What a listener should hear when one state follows another, apart from blocked calls; '' for nothing. */
export function announce(before: AgentState | undefined, after: AgentState, words: Words): string {
  if (before === undefined) return '';
  const codes = (state: AgentState) => state.health.map((item) => item.code).join();
  if (codes(before) === codes(after)) return '';
  return summarise({ kind: 'live' }, after, words).text;
}

/** What a listener should hear when the link changes. */
function announceLink(before: Link, after: Link, { link }: Words['frame']): string {
  if (after.kind === 'lost') {
    if (after.host?.phase === 'gave-up' && (before.kind !== 'lost' || before.host?.phase !== 'gave-up'))
      return link.gaveUpTitle;
    return before.kind === 'lost' ? '' : link.lostTitle;
  }
  if (before.kind === after.kind) return '';
  if (after.kind === 'signed-out') return link.signedOutTitle;
  if (after.kind === 'outdated') return link.outdatedTitle;
  return after.kind === 'live' && before.kind !== 'connecting' ? link.back : '';
}

/** @param first what holds until the client tells of other surroundings; `locales`: as a browser's `navigator.languages` */
export function createStore(client: PageClient, clock: Clock, first: Surroundings, locales: readonly string[]): Store {
  const link = signal<Link>({ kind: 'connecting' });
  const state = signal<AgentState | undefined>(undefined);
  const surroundings = signal(first);
  const announcement = signal('');
  const language = computed(() => surroundings.value.language);
  const ui = computed(() => uiFor(language.value, locales));
  const summary = computed(() => summarise(link.value, state.value, ui.value.words));
  const say = (text: string): void => {
    // The same words once more are heard only if the text differs.
    if (text !== '') announcement.value = text === announcement.value ? `${text}\u00a0` : text;
  };
  const blocked = createBlocked(clock, (calls) => {
    const { activity } = ui.value.words;
    const [call] = calls;
    say(calls.length === 1 ? activity.blockedNow(call?.app ?? activity.someApp) : activity.blockedSome(calls.length));
  });
  const checks = createChecks(client, ({ phase, checks: ended }) => {
    const { diagnostics } = ui.value.words;
    const fails = ended.filter(({ status }) => status === 'fail').length;
    say(phase === 'done' ? diagnostics.done(fails) : diagnostics.failedShort);
  });
  return {
    client,
    link,
    state,
    summary,
    surroundings,
    ui,
    checks,
    announcement,
    say,
    async prefer(preferences) {
      surroundings.value = await client.prefer(preferences);
    },
    start(show = () => undefined) {
      const stopWatching = client.watch({
        link: (next) =>
          batch(() => {
            say(announceLink(link.value, next, ui.value.words.frame));
            link.value = next;
          }),
        state: (next) =>
          batch(() => {
            const before = state.value;
            if (before !== undefined) blocked.add(blockedSince(before.activity, next.activity));
            say(announce(before, next, ui.value.words));
            state.value = before === undefined ? next : { ...next, activity: keepSame(before.activity, next.activity) };
          }),
      });
      const stopListening = client.listen({
        show,
        surroundings: (next) => {
          surroundings.value = next;
        },
      });
      return () => {
        blocked.end();
        stopWatching();
        stopListening();
      };
    },
  };
}
