// SPDX-License-Identifier: Apache-2.0
// How many devices are of which kind: a short table with bars.

import { format } from '../model/browser.ts';
import { STRINGS } from '../strings.ts';

export interface Share {
  readonly name: string;
  readonly count: number;
  /** Where those are listed. */
  readonly href?: string;
}

interface SharesProps {
  readonly id: string;
  readonly title: string;
  readonly shares: readonly Share[];
}

export function Shares({ id, title, shares }: SharesProps) {
  const words = STRINGS.overview;
  const all = Math.max(
    shares.reduce((sum, { count }) => sum + count, 0),
    1,
  );
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <table class="shares">
        <thead class="hidden">
          <tr>
            <th scope="col">{words.value}</th>
            <th scope="col">{words.share}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {shares.map(({ name, count, href }) => (
            <tr key={name}>
              <th scope="row">{href === undefined ? name : <a href={href}>{name}</a>}</th>
              <td class="number right">{format.count(count)}</td>
              <td class="bar">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                  <rect class="bar-ground" width="100" height="8" rx="2" />
                  <rect class="bar-allowed" width={(100 * count) / all} height="8" rx="2" />
                </svg>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
