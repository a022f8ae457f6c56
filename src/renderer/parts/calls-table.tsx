// SPDX-License-Identifier: Apache-2.0
// Calls as a table, each a link to all that is known of it. No content: there is none in what it is given.

import { useMemo } from 'preact/hooks';
import type { ActivityItem } from '../../contract/local-api.ts';
import { errorWords, tokensText } from '../model/call.ts';
import { hashOf } from '../model/route.ts';
import { type Ui, useUi } from '../ui.ts';
import { CodeWords } from './code-words.tsx';
import { Scroll } from './scroll.tsx';
import { Sentence } from './sentence.tsx';

export function Decision({ call }: { readonly call: ActivityItem }) {
  const { words } = useUi();
  const { activity } = words;
  const { error } = call;
  const more = [activity.result[call.result], error && errorWords(error, words)].filter(Boolean).join(', ');
  return (
    <>
      <span class={`tag tag-${call.decision}`}>{activity.decision[call.decision]}</span>
      {more !== '' && <span class="under">{more}</span>}
      {error !== undefined && (
        <span class="under code">
          <CodeWords>{error}</CodeWords>
        </span>
      )}
    </>
  );
}

interface RowProps {
  readonly call: ActivityItem;
  readonly ui: Ui;
  readonly now: number;
}

function rowOf({ call, ui, now }: RowProps) {
  const { words, format } = ui;
  const { activity } = words;
  const { app, provider, model, total_ms, first_content_ms, sent_model } = call;
  const time = format.time(call.at, now);
  return (
    <tr>
      <td class="number">
        <a href={hashOf('activity', call.id)} aria-label={activity.open(time)}>
          <time dateTime={new Date(call.at).toISOString()}>{time}</time>
        </a>
      </td>
      <th scope="row">{app === undefined ? <span class="quiet">{activity.unknown}</span> : <bdi>{app}</bdi>}</th>
      <td>{provider === undefined ? activity.none : <bdi>{provider}</bdi>}</td>
      <td>
        {model === undefined ? activity.none : <bdi>{model}</bdi>}
        {sent_model !== undefined && (
          <span class="under">
            <Sentence of={activity.sentModel} names={[sent_model, '']} />
          </span>
        )}
      </td>
      <td>
        <Decision call={call} />
      </td>
      <td class="number">{tokensText(call, activity, format)}</td>
      <td class="number">
        {total_ms === undefined ? activity.none : format.duration(total_ms)}
        {first_content_ms !== undefined && (
          <span class="under">{activity.firstShort(format.duration(first_content_ms))}</span>
        )}
      </td>
    </tr>
  );
}

/** Worked out again only when the call says something else, or the day has changed: a list may be long. */
function Row({ call, today }: { readonly call: ActivityItem; readonly today: string }) {
  const ui = useUi();
  return useMemo(() => rowOf({ call, ui, now: Date.now() }), [call, ui, today]);
}

export function CallsTable({ calls }: { readonly calls: readonly ActivityItem[] }) {
  const { table, columns } = useUi().words.activity;
  const today = new Date().toDateString();
  return (
    <Scroll label={table}>
      <table class="calls linked">
        <caption class="hidden">{table}</caption>
        <thead>
          <tr>
            <th scope="col">{columns.time}</th>
            <th scope="col">{columns.app}</th>
            <th scope="col">{columns.provider}</th>
            <th scope="col">{columns.model}</th>
            <th scope="col">{columns.decision}</th>
            <th scope="col" class="number">
              {columns.tokens}
            </th>
            <th scope="col" class="number">
              {columns.latency}
            </th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <Row key={call.id} call={call} today={today} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
