// SPDX-License-Identifier: Apache-2.0
// The newest calls as a live table that can be filtered and held still. No content: there is none in the state.

import { useSignal } from '@preact/signals';
import type { ActivityItem } from '../../contract/local-api.ts';
import { format } from '../model/browser.ts';
import { filterCalls } from '../model/filter.ts';
import type { Store } from '../model/store.ts';
import { Scroll } from '../parts/scroll.tsx';
import { STRINGS } from '../strings.ts';

const words = STRINGS.activity;
const NO_CALLS: readonly ActivityItem[] = [];

function tokens({ input_tokens, output_tokens, tokens_estimated }: ActivityItem): string {
  if (input_tokens === undefined && output_tokens === undefined) return words.none;
  const one = (value: number | undefined) => (value === undefined ? words.none : format.count(value));
  return `${one(input_tokens)} / ${tokens_estimated ? words.estimated : ''}${one(output_tokens)}`;
}

function Decision({ call }: { readonly call: ActivityItem }) {
  const more = [words.result[call.result], call.error].filter(Boolean).join(', ');
  return (
    <>
      <span class={`tag tag-${call.decision}`}>{words.decision[call.decision]}</span>
      {more !== '' && <span class="under">{more}</span>}
    </>
  );
}

function Row({ call, now }: { readonly call: ActivityItem; readonly now: number }) {
  const { total_ms, first_content_ms, sent_model } = call;
  return (
    <tr>
      <td class="number">
        <time dateTime={new Date(call.at).toISOString()}>{format.time(call.at, now)}</time>
      </td>
      <th scope="row">{call.app ?? <span class="quiet">{words.unknown}</span>}</th>
      <td>{call.provider ?? words.none}</td>
      <td>
        {call.model ?? words.none}
        {sent_model !== undefined && <span class="under">{words.sentModel(sent_model)}</span>}
      </td>
      <td>
        <Decision call={call} />
      </td>
      <td class="number">{tokens(call)}</td>
      <td class="number">
        {total_ms === undefined ? words.none : format.duration(total_ms)}
        {first_content_ms !== undefined && (
          <span class="under">{words.firstContent(format.duration(first_content_ms))}</span>
        )}
      </td>
    </tr>
  );
}

function Calls({ calls }: { readonly calls: readonly ActivityItem[] }) {
  const now = Date.now();
  return (
    <Scroll label={words.table}>
      <table class="calls">
        <caption class="hidden">{words.table}</caption>
        <thead>
          <tr>
            <th scope="col">{words.columns.time}</th>
            <th scope="col">{words.columns.app}</th>
            <th scope="col">{words.columns.provider}</th>
            <th scope="col">{words.columns.model}</th>
            <th scope="col">{words.columns.decision}</th>
            <th scope="col" class="number">
              {words.columns.tokens}
            </th>
            <th scope="col" class="number">
              {words.columns.latency}
            </th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <Row key={call.id} call={call} now={now} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function Activity({ store }: { readonly store: Store }) {
  const text = useSignal('');
  /** What is shown while paused. */
  const held = useSignal<readonly ActivityItem[] | undefined>(undefined);
  const live = store.state.value?.activity ?? NO_CALLS;
  const all = held.value ?? live;
  const calls = filterCalls(all, text.value);
  const known = new Set(held.value?.map((call) => call.id));
  const waiting = held.value === undefined ? 0 : live.filter((call) => !known.has(call.id)).length;
  return (
    <>
      <div>
        <h1 tabIndex={-1}>{STRINGS.pages.activity}</h1>
        <p class="lead quiet">{words.intro}</p>
      </div>
      <div class="tools">
        <label>
          <span>{words.filter}</span>
          <input
            type="search"
            value={text.value}
            placeholder={words.filterHint}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <button
          type="button"
          onClick={() => {
            held.value = held.value === undefined ? live : undefined;
          }}
        >
          {held.value === undefined ? words.pause : words.resume}
        </button>
        {/* Speaks when the filter changes the answer, not with every call that arrives. */}
        <p role="status" class="quiet">
          {text.value.trim() !== '' && words.matches(calls.length, all.length)}
        </p>
        {held.value !== undefined && <p class="quiet">{words.paused(waiting)}</p>}
      </div>
      {calls.length > 0 && <Calls calls={calls} />}
      {all.length === 0 && (
        <div class="empty">
          <h2>{words.empty}</h2>
          <p>{words.emptyText}</p>
        </div>
      )}
      {all.length > 0 && calls.length === 0 && (
        <div class="empty">
          <h2>{words.noMatch}</h2>
          <button
            type="button"
            onClick={() => {
              text.value = '';
            }}
          >
            {words.clear}
          </button>
        </div>
      )}
    </>
  );
}
