// SPDX-License-Identifier: Apache-2.0
// The list of calls as signals: the newest as they come, what the whole log has for a search, page by page, and the pause.

import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { AgentClient } from '../../client/agent-client.ts';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import { ACTIVITY_LIMIT } from '../../contract/local-api-constants.ts';
import { type CallsFilter, filterCalls, mergeCalls, NO_FILTER, queryOf } from './filter.ts';
import { createThrottle } from './throttle.ts';

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
  /** There are older ones: in the log, or here but not shown. */
  readonly hasOlder: ReadonlySignal<boolean>;
  /** Newer calls that the pause keeps away; `more`: at least so many. */
  readonly waiting: ReadonlySignal<{ readonly count: number; readonly more: boolean }>;
  narrow(part: Partial<CallsFilter>): void;
  pause(on: boolean): void;
  /** Asks the log anew. */
  ask(): Promise<void>;
  /** Goes further back in the log. Returns how many calls that has brought; undefined: it was not answered, or is not wanted any more. */
  older(): Promise<number | undefined>;
  /** Looks up what became of calls that were under way when they left the live ones: a few at a time. */
  settle(): Promise<void>;
  /** Begins to follow the live calls. Returns the end of it. */
  start(): () => void;
}

/** After the last key, before the log is searched. Milliseconds. */
const TYPING = 300;
/** Pages of one look: the daemon's search is bounded, and a page may be empty. */
const PAGES = 10;
/** Rows, as long as nobody has asked for older ones. */
export const SHORT_LIST = 200;
/** More rows make the page slow, and nobody reads them. */
export const LONGEST_LIST = 1_000;
/** After live calls may have been missed, before the log is asked for them. Milliseconds. */
const CATCH_UP = 1_000;
/** Calls that are looked up one by one at a time: each takes the daemon a quarter of a second of a long log. */
const SETTLED = 2;

const idsOf = (calls: readonly ActivityItem[]): ReadonlySet<string> => new Set(calls.map(({ id }) => id));

export function createCallsList(
  client: Pick<AgentClient, 'calls' | 'call'>,
  clock: Clock,
  live: ReadonlySignal<readonly ActivityItem[]>,
): CallsList {
  const filter = signal(NO_FILTER);
  const search = signal<Search>({ phase: 'searching' });
  /** From the log, and live calls that came after. */
  const found = signal<readonly ActivityItem[]>([]);
  const held = signal<readonly ActivityItem[] | undefined>(undefined);
  /** What came while the list was held, for any search. */
  const behind = signal<readonly ActivityItem[]>([]);
  const longest = signal(SHORT_LIST);
  /** Calls that were known before some may have been missed; undefined: none was. */
  const edge = signal<ReadonlySet<string> | undefined>(undefined);
  const newest = computed(() => filterCalls(held.value ?? live.value, filter.value));
  const known = computed(() => mergeCalls(newest.value, found.value));
  const shown = computed(() => known.value.slice(0, longest.value));
  /** Does `found` hold what the log has for this search, down to `next`, be it nothing? */
  let isAnswered = false;
  let turn = 0;
  let typing: Timer | undefined;
  let last = live.peek();
  const looked = new Set<string>();

  /** Pages from `before` on, until one holds a call that is not shown yet. */
  const look = async (phase: 'searching' | 'older', before: string | undefined): Promise<number | undefined> => {
    typing?.clear();
    const mine = ++turn;
    const wanted = filter.value;
    const isFirst = phase === 'searching';
    const past = search.value;
    search.value = { ...past, phase };
    const seen = idsOf(shown.value);
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
      if (next === undefined || (isFirst ? got.length > 0 : got.some(({ id }) => !seen.has(id)))) break;
    }
    // The live ones too: the next of them may push these out.
    found.value = isFirst ? mergeCalls(newest.peek(), got) : mergeCalls(found.value, got);
    if (isFirst) edge.value = undefined;
    isAnswered = true;
    search.value = { phase: 'done', ...(next === undefined ? {} : { next }) };
    return got.filter(({ id }) => !seen.has(id)).length;
  };

  const ask = async (): Promise<void> => {
    await look('searching', undefined);
  };

  /** Fills what may have been missed between the live calls and what was known before; nothing else changes meanwhile. */
  const catchUp = async (): Promise<void> => {
    const before = edge.peek();
    if (before === undefined || !isAnswered || held.peek() !== undefined) return;
    const mine = turn;
    const wanted = filter.peek();
    let got: readonly ActivityItem[] = [];
    let next: string | undefined;
    let joins = false;
    for (let page = 0; page < PAGES && !joins; page++) {
      const answer = await client.calls(queryOf(wanted, next)).catch(() => undefined);
      if (mine !== turn || answer === undefined) return;
      got = mergeCalls(got, answer.calls);
      next = answer.next;
      joins = next === undefined || answer.calls.some(({ id }) => before.has(id));
    }
    if (held.peek() !== undefined) return;
    if (edge.peek() === before) edge.value = undefined;
    found.value = mergeCalls(newest.peek(), joins ? mergeCalls(got, found.peek()) : got).slice(0, LONGEST_LIST);
    if (!joins) search.value = { phase: 'done', ...(next === undefined ? {} : { next }) };
  };
  const catching = createThrottle(clock, CATCH_UP, () => void catchUp());

  /** Live calls are the newest of all: when none of them was there before, some may have come and gone between. */
  const follow = (now: readonly ActivityItem[]): void => {
    const before = idsOf(last);
    if (last.length > 0 && now.length >= ACTIVITY_LIMIT && !now.some(({ id }) => before.has(id))) {
      edge.value ??= new Set([...before, ...idsOf(found.peek()), ...idsOf(behind.peek())]);
      catching.due();
    }
    last = now;
    if (held.peek() !== undefined) behind.value = mergeCalls(now, behind.peek()).slice(0, LONGEST_LIST);
  };

  return {
    filter,
    search,
    shown,
    isPaused: computed(() => held.value !== undefined),
    hasOlder: computed(() => search.value.next !== undefined || known.value.length > longest.value),
    waiting: computed(() => {
      if (held.value === undefined) return { count: 0, more: false };
      const there = idsOf(held.value);
      const all = filterCalls(mergeCalls(live.value, behind.value), filter.value);
      return {
        count: all.filter(({ id }) => !there.has(id)).length,
        more: edge.value !== undefined || behind.value.length >= LONGEST_LIST,
      };
    }),
    narrow(part) {
      filter.value = { ...filter.value, ...part };
      // What is known already is there at once; the log's answer takes its place.
      found.value = filterCalls(found.value, filter.value);
      longest.value = SHORT_LIST;
      isAnswered = false;
      turn++;
      search.value = { phase: 'searching' };
      typing?.clear();
      typing = clock.after(part.text === undefined ? 0 : TYPING, () => void ask());
    },
    pause(on) {
      if (!on && isAnswered)
        found.value = mergeCalls(filterCalls(behind.value, filter.value), found.value).slice(0, LONGEST_LIST);
      behind.value = [];
      held.value = on ? live.value : undefined;
      if (!on) void catchUp();
    },
    ask,
    async older() {
      const { phase, next } = search.value;
      if (phase === 'older' || phase === 'searching') return undefined;
      const before = shown.value.length;
      longest.value = LONGEST_LIST;
      const unfolded = shown.value.length - before;
      if (unfolded > 0) return unfolded;
      return next === undefined ? undefined : look('older', next);
    },
    async settle() {
      if (held.peek() !== undefined) return;
      const there = idsOf(live.peek());
      const open = found.peek().filter(({ id, result }) => result === 'running' && !there.has(id));
      if (open.every(({ id }) => looked.has(id))) looked.clear();
      const some = open.filter(({ id }) => !looked.has(id)).slice(0, SETTLED);
      for (const { id } of some) looked.add(id);
      const answers = await Promise.all(some.map(({ id }) => client.call(id).catch(() => undefined)));
      const now = new Map(answers.flatMap((answer) => (answer === undefined ? [] : [[answer.call.id, answer.call]])));
      if (now.size > 0) found.value = found.peek().map((call) => now.get(call.id) ?? call);
    },
    start() {
      last = live.peek();
      const stopFollowing = effect(() => follow(live.value));
      // A call that leaves the live list must not be missing between it and what the log had said before.
      const stop = effect(() => {
        const { value } = newest;
        if (held.value === undefined && isAnswered)
          found.value = mergeCalls(value, found.peek()).slice(0, LONGEST_LIST);
      });
      return () => {
        stopFollowing();
        stop();
        catching.end();
        typing?.clear();
        turn++;
      };
    },
  };
}
