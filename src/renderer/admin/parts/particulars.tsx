// SPDX-License-Identifier: Apache-2.0
// Short named values that a row or an alarm carries, as they are; what is a time is shown as one.

import { Time } from './time.tsx';

type Detail = Readonly<Record<string, string | number | boolean>>;

const TIMES: ReadonlySet<string> = new Set(['last_seen', 'until', 'expires']);

interface ParticularsProps {
  readonly detail: Detail;
  readonly now: number;
}

/** Nothing where there are none. */
export function Particulars({ detail, now }: ParticularsProps) {
  const entries = Object.entries(detail);
  if (entries.length === 0) return null;
  return (
    <dl class="particulars">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === 'number' && TIMES.has(name) ? <Time at={value} now={now} /> : String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
