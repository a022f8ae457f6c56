// SPDX-License-Identifier: Apache-2.0
// Calls as a table, each a link to all that is known of it. No content: there is none in what it is given.

import type { ActivityItem } from '../../contract/local-api.ts';
import { tokensText } from '../model/call.ts';
import { hashOf } from '../model/route.ts';
import { useUi } from '../ui.ts';
import { Scroll } from './scroll.tsx';

export function Decision({ call }: { readonly call: ActivityItem }) {
  const { activity } = useUi().words;
  const more = [activity.result[call.result], call.error].filter(Boolean).join(', ');
  return (
    <>
      <span class={`tag tag-${call.decision}`}>{activity.decision[call.decision]}</span>
      {more !== '' && <span class="under">{more}</span>}
    </>
  );
}

function Row({ call, now }: { readonly call: ActivityItem; readonly now: number }) {
  const { words, format } = useUi();
  const { activity } = words;
  const { total_ms, first_content_ms, sent_model } = call;
  const time = format.time(call.at, now);
  return (
    <tr>
      <td class="number">
        <a href={hashOf('activity', call.id)} aria-label={activity.open(time)}>
          <time dateTime={new Date(call.at).toISOString()}>{time}</time>
        </a>
      </td>
      <th scope="row">{call.app ?? <span class="quiet">{activity.unknown}</span>}</th>
      <td>{call.provider ?? activity.none}</td>
      <td>
        {call.model ?? activity.none}
        {sent_model !== undefined && <span class="under">{activity.sentModel(sent_model)}</span>}
      </td>
      <td>
        <Decision call={call} />
      </td>
      <td class="number">{tokensText(call, activity, format)}</td>
      <td class="number">
        {total_ms === undefined ? activity.none : format.duration(total_ms)}
        {first_content_ms !== undefined && (
          <span class="under">{activity.firstContent(format.duration(first_content_ms))}</span>
        )}
      </td>
    </tr>
  );
}

export function CallsTable({ calls }: { readonly calls: readonly ActivityItem[] }) {
  const { table, columns } = useUi().words.activity;
  const now = Date.now();
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
            <Row key={call.id} call={call} now={now} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
