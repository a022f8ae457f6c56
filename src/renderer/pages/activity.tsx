// SPDX-License-Identifier: Apache-2.0
// The newest calls as a live table that can be held still, searched through the whole log and followed back in it; one call in full.

import { useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { browserClock } from '../clock.ts';
import { type CallsList, createCallsList, LONGEST_LIST } from '../model/calls.ts';
import { isNarrowed, LONGEST_TEXT, NO_FILTER } from '../model/filter.ts';
import type { Route } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { CallsTable } from '../parts/calls-table.tsx';
import { Choices } from '../parts/choices.tsx';
import { useFollow } from '../parts/use-follow.ts';
import { useUi } from '../ui.ts';
import { Call } from './call.tsx';

/** After the log has grown, before calls are looked up whose end the state does not tell any more. Milliseconds. */
const SETTLE_AFTER = 10_000;

/** How the search went: speaks when its answer changes, not with every call that arrives. */
function SearchStatus({ list }: { readonly list: CallsList }) {
  const { words, format } = useUi();
  const { activity } = words;
  const { phase, next } = list.search.value;
  // As of the answer: a list that grows by itself is not read out with every call.
  const calls = useMemo(() => list.shown.peek().length, [list, list.search.value]);
  const text = () => {
    if (!isNarrowed(list.filter.value)) return '';
    if (phase === 'searching') return activity.searching;
    if (phase === 'failed') return '';
    return next === undefined
      ? activity.found(format.count(calls), calls)
      : activity.foundSoFar(format.count(calls), calls);
  };
  return (
    <p role="status" class="quiet">
      {text()}
    </p>
  );
}

function Tools({ list, box }: { readonly list: CallsList; readonly box: RefObject<HTMLInputElement | null> }) {
  const { words, format } = useUi();
  const { activity } = words;
  const { count, more } = list.waiting.value;
  const { text, decision } = list.filter.value;
  const isPaused = list.isPaused.value;
  return (
    <div class="tools">
      <label>
        <span>{activity.filter}</span>
        <input
          ref={box}
          type="search"
          value={text}
          maxLength={LONGEST_TEXT}
          placeholder={activity.filterHint}
          onInput={(event) => list.narrow({ text: event.currentTarget.value })}
        />
      </label>
      <Choices
        label={activity.decisions}
        value={decision}
        choices={[
          ['all', activity.decisionAll],
          ['allowed', activity.decision.allowed],
          ['blocked', activity.decision.blocked],
        ]}
        choose={(chosen) => list.narrow({ decision: chosen })}
      />
      <button type="button" onClick={() => list.pause(!isPaused)}>
        {isPaused ? activity.resume : activity.pause}
      </button>
      <SearchStatus list={list} />
      {isPaused && <p class="quiet">{activity.paused(format.count(count), count, more)}</p>}
    </div>
  );
}

/** What stands below the table: the way further back, or why there is none. */
function Older({ list, store }: { readonly list: CallsList; readonly store: Store }) {
  const { words, format } = useUi();
  const { activity } = words;
  const { phase, next } = list.search.value;
  const end = useRef<HTMLParagraphElement>(null);
  const calls = list.shown.value.length;
  const older = async (): Promise<void> => {
    const added = await list.older();
    if (added !== undefined) store.say(added === 0 ? activity.olderNone : activity.olderShown(added));
    // The button that had the focus is gone with the last page.
    requestAnimationFrame(() => end.current?.focus());
  };
  if (phase === 'failed')
    return (
      <div class="buttons">
        <p role="status">{activity.searchFailed}</p>
        <button type="button" onClick={() => void (next === undefined ? list.ask() : older())}>
          {activity.again}
        </button>
      </div>
    );
  if (phase === 'searching') return null;
  if (!list.hasOlder.value || calls >= LONGEST_LIST)
    return (
      <p ref={end} tabIndex={-1} class="quiet">
        {list.hasOlder.value ? activity.full(format.count(LONGEST_LIST)) : calls > 0 && activity.all}
      </p>
    );
  const isBusy = phase === 'older';
  return (
    <div class="buttons">
      <button type="button" aria-disabled={isBusy} onClick={() => void older()}>
        {isBusy ? activity.olderBusy : isNarrowed(list.filter.value) ? activity.olderSearch : activity.older}
      </button>
    </div>
  );
}

function Nothing({ list, box }: { readonly list: CallsList; readonly box: RefObject<HTMLInputElement | null> }) {
  const { activity } = useUi().words;
  if (list.search.value.phase === 'searching') return <p class="quiet">{activity.searching}</p>;
  if (!isNarrowed(list.filter.value))
    return (
      <div class="empty">
        <h2>{activity.empty}</h2>
        <p>{activity.emptyText}</p>
      </div>
    );
  return (
    <div class="empty">
      <h2>{activity.noMatch}</h2>
      <button
        type="button"
        onClick={() => {
          list.narrow(NO_FILTER);
          // The button goes with the search.
          box.current?.focus();
        }}
      >
        {activity.clear}
      </button>
    </div>
  );
}

function List({ list, store }: { readonly list: CallsList; readonly store: Store }) {
  const { frame, activity } = useUi().words;
  const calls = list.shown.value;
  const box = useRef<HTMLInputElement>(null);
  return (
    <>
      <div>
        <h1 tabIndex={-1}>{frame.pages.activity}</h1>
        <p class="lead quiet">{activity.intro}</p>
      </div>
      <Tools list={list} box={box} />
      {calls.length > 0 ? <CallsTable calls={calls} /> : <Nothing list={list} box={box} />}
      <Older list={list} store={store} />
    </>
  );
}

export function Activity({ store, route }: { readonly store: Store; readonly route: Route }) {
  const live = useComputed(() => store.state.value?.activity ?? []);
  // Made here, above both views: who comes back from a call finds the list as it was.
  const list = useMemo(() => createCallsList(store.client, browserClock, live), [store]);
  const link = store.link.value.kind;
  const asked = useSignal(false);
  useEffect(() => list.start(), [list]);
  const log = store.state.value?.audit;
  useFollow(log && `${log.epoch} ${log.watermark}`, SETTLE_AFTER, () => void list.settle());
  useEffect(() => {
    if (link === 'connecting') return;
    // Again when the daemon is back: what was not answered, and what may have come meanwhile.
    if (link === 'live' || !asked.peek()) void list.ask();
    asked.value = true;
  }, [link, list]);
  return route.call === undefined ? (
    <List list={list} store={store} />
  ) : (
    <Call key={route.call} store={store} id={route.call} />
  );
}
