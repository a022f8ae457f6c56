// SPDX-License-Identifier: Apache-2.0
// The last day's calls as a picture, and as a table for whoever reads better that way.

import { Scroll } from '../../parts/scroll.tsx';
import { format } from '../model/browser.ts';
import { CHART, chartOf, type Hour } from '../model/chart.ts';
import { STRINGS } from '../strings.ts';
import { Table } from './table.tsx';

const words = STRINGS.overview;
/** Hours between two that are named below the bars. */
const NAMED_EVERY = 4;

const total = (hours: readonly Hour[], of: 'calls' | 'refused') => hours.reduce((sum, hour) => sum + hour[of], 0);

export function HoursChart({ hours }: { readonly hours: readonly Hour[] }) {
  const { bars, ticks } = chartOf(hours);
  const calls = total(hours, 'calls');
  const [first] = hours;
  if (calls === 0 || first === undefined) return <p class="quiet">{words.noCalls}</p>;
  const peak = hours.reduce((most, hour) => (hour.calls > most.calls ? hour : most), first);
  const summary = words.chart(format.count(calls), format.count(total(hours, 'refused')), format.hour(peak.at));
  return (
    <>
      <Scroll label={words.picture}>
        <div class="chart">
          <p class="legend" aria-hidden="true">
            <span class="key-allowed" /> {words.legendAllowed}
            <span class="key-refused" /> {words.legendRefused}
          </p>
          <svg viewBox={`0 0 ${CHART.width} ${CHART.height}`} role="img" aria-label={summary}>
            {ticks.map(({ value, y }) => (
              <g key={value}>
                <line class="tick" x1={CHART.left} x2={CHART.width} y1={y} y2={y} />
                <text x={CHART.left - 8} y={y + 4} text-anchor="end">
                  {format.count(value)}
                </text>
              </g>
            ))}
            {bars.map(({ at, x, width, allowed, refused }, index) => (
              <g key={at}>
                <rect class="bar-allowed" x={x} y={allowed.y} width={width} height={allowed.height} />
                <rect class="bar-refused" x={x} y={refused.y} width={width} height={refused.height} />
                {index % NAMED_EVERY === 0 && (
                  <text x={x + width / 2} y={CHART.height - 8} text-anchor="middle">
                    {format.hour(at)}
                  </text>
                )}
              </g>
            ))}
          </svg>
        </div>
      </Scroll>
      <details>
        <summary>{words.asTable}</summary>
        <Table
          label={words.table}
          rows={hours}
          keyOf={(hour) => hour.at}
          columns={[
            {
              head: words.hour,
              cell: ({ at }) => (
                <time dateTime={format.iso(at)} title={format.utc(at)}>
                  {format.dayAndHour(at)}
                </time>
              ),
            },
            { head: words.columnCalls, class: 'number right', cell: (hour) => format.count(hour.calls) },
            { head: words.columnRefused, class: 'number right', cell: (hour) => format.count(hour.refused) },
          ]}
        />
      </details>
    </>
  );
}
