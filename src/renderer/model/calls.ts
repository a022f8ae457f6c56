// SPDX-License-Identifier: Apache-2.0
// The list of calls as signals: the newest as they come, what the whole log has for a search, page by page, and the pause.

import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { AgentClient } from '../../client/agent-client.ts';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import { type CallsFilter, filterCalls, mergeCalls, NO_FILTER, queryOf } from './filter.ts';

export interface Search {
  /** `older`: the next page is on its way. `failed`: the last question was not answered. */
  readonly phase: 'searching' | 'older' | 'done' | 'failed';
  /** Where older calls begin; absent: the log has none. */
  readonly next?: string;
}

export interface CallsList {
  readonly filter: ReadonlySignal<CallsFilter>;
  readonly search: ReadonlySignal<Search>;
  /** Newest first. */
  readonly shown: ReadonlySignal<readonly ActivityItem[]>;
  readonly isPaused: ReadonlySignal<boolean>;
  /** Newer calls that the pause keeps away. */
  readonly waiting: ReadonlySignal<number>;
  narrow(part: Partial<CallsFilter>): void;
  pause(on: boolean): void;
  /** Asks the log anew. */
  ask(): Promise<void>;
  /** Goes further back in the log. Returns how many calls that has brought; undefined: it was not answered, or is not wanted any more. */
  older(): Promise<number | undefined>;
  /** Begins to follow the live calls. Returns the end of it. */
  start(): () => void;
}

/** After the last key, before the log is searched. Milliseconds. */
const TYPING = 300;
/** Pages of one look: the daemon's search is bounded, and a page may be empty. */
const PAGES = 10;
/** More rows make the page slow, and nobody reads them. */
export const LONGEST_LIST = 1_000;

export function createCallsList(
  client: Pick<AgentClient, 'calls'>,
  clock: Clock,
  live: ReadonlySignal<readonly ActivityItem[]>,
): CallsList {
  const filter = signal(NO_FILTER);
  const search = signal<Search>({ phase: 'searching' });
  /** From the log, and live calls that came after. */
  const found = signal<readonly ActivityItem[]>([]);
  const held = signal<readonly ActivityItem[] | undefined>(undefined);
  const newest = computed(() => filterCalls(held.value ?? live.value, filter.value));
  const shown = computed(() => mergeCalls(newest.value, found.value).slice(0, LONGEST_LIST));
  let turn = 0;
  let typing: Timer | undefined;

  /** Pages from `before` on, until one holds a call that is not shown yet. */
  const look = async (phase: 'searching' | 'older', before: string | undefined): Promise<number | undefined> => {
    typing?.clear();
    const mine = ++turn;
    const wanted = filter.value;
    const isFirst = phase === 'searching';
    const past = search.value;
    search.value = { ...past, phase };
    const known = new Set(shown.value.map(({ id }) => id));
    let got: readonly ActivityItem[] = [];
    let next = before;
    for (let page = 0; page < PAGES; page++) {
      const answer = await client.calls(queryOf(wanted, next)).catch(() => undefined);
      if (mine !== turn) return undefined;
      if (answer === undefined) {
        search.value = { ...past, phase: 'failed' };
        return undefined;
      }
      got = mergeCalls(got, answer.calls);
      next = answer.next;
      if (next === undefined || (isFirst ? got.length > 0 : got.some(({ id }) => !known.has(id)))) break;
    }
    found.value = isFirst ? got : mergeCalls(found.value, got);
    search.value = { phase: 'done', ...(next === undefined ? {} : { next }) };
    return got.filter(({ id }) => !known.has(id)).length;
  };

  const ask = async (): Promise<void> => {
    await look('searching', undefined);
  };

  return {
    filter,
    search,
    shown,
    isPaused: computed(() => held.value !== undefined),
    waiting: computed(() => {
      const known = new Set(held.value?.map(({ id }) => id));
      return held.value === undefined ? 0 : live.value.filter(({ id }) => !known.has(id)).length;
    }),
    narrow(part) {
      filter.value = { ...filter.value, ...part };
      // What is known already is there at once; the log's answer takes its place.
      found.value = filterCalls(found.value, filter.value);
      turn++;
      search.value = { phase: 'searching' };
      typing?.clear();
      typing = clock.after(part.text === undefined ? 0 : TYPING, () => void ask());
    },
    pause(on) {
      held.value = on ? live.value : undefined;
    },
    ask,
    async older() {
      const { phase, next } = search.value;
      if (next === undefined || phase === 'older' || phase === 'searching') return undefined;
      return look('older', next);
    },
    start() {
      // A call that leaves the live list must not be missing between it and what the log had said before.
      const stop = effect(() => {
        const { value } = newest;
        if (held.value === undefined && found.peek().length > 0)
          found.value = mergeCalls(value, found.peek()).slice(0, LONGEST_LIST);
      });
      return () => {
        stop();
        typing?.clear();
        turn++;
      };
    },
  };
}
