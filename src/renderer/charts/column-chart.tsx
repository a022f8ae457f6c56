// SPDX-License-Identifier: Apache-2.0
// Columns side by side as a picture, with their numbers written on them. Whoever does not see it hears the label; a table with the same
// numbers belongs beside it. Parts differ by filling, not by colour alone. Text keeps its size in any width.

import { barsOf, type Column } from './bars.ts';

/** Filling of the first, second ... part. */
const FILLINGS = ['full', 'hollow'] as const;

interface ColumnChartProps {
  /** What the picture says, in a sentence. */
  readonly label: string;
  readonly columns: readonly Column[];
  /** Names of the parts; one alone needs none. */
  readonly legend?: readonly string[];
}

export function ColumnChart({ label, columns, legend = [] }: ColumnChartProps) {
  return (
    <div class="chart">
      {legend.length > 0 && (
        <p class="legend" aria-hidden="true">
          {legend.map((name, index) => (
            <span key={name}>
              <svg aria-hidden="true" focusable="false">
                <rect class={`fill-${FILLINGS[index]}`} width="100%" height="100%" />
              </svg>
              {name}
            </span>
          ))}
        </p>
      )}
      <svg class="columns-chart" role="img" aria-label={label}>
        <line class="ground" x1="0" x2="100%" y1="100%" y2="100%" />
        {barsOf(columns).map(({ name, label: number, x, width, middle, top, parts }) => (
          <g key={name}>
            {parts.map(
              ({ y, height }, index) =>
                height > 0 && (
                  <rect
                    key={FILLINGS[index]}
                    class={`fill-${FILLINGS[index]}`}
                    x={`${x}%`}
                    y={`${y}%`}
                    width={`${width}%`}
                    height={`${height}%`}
                  />
                ),
            )}
            <text x={`${middle}%`} y={`${top}%`} dy="-0.5em">
              {number}
            </text>
            <text class="name" x={`${middle}%`} y="100%" dy="1.5em">
              {name}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
