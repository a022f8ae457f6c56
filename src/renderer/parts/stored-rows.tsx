// SPDX-License-Identifier: Apache-2.0
// Rows of the log exactly as stored, each behind its title.

import { describeRow } from '../model/row.ts';
import { useUi } from '../ui.ts';

export function StoredRows({ rows }: { readonly rows: readonly string[] }) {
  const { words, format } = useUi();
  return (
    <ul class="rows">
      {rows.map((row) => {
        const { title, at, text } = describeRow(row, words.recorded);
        return (
          <li key={row}>
            <details>
              <summary>
                {title} {at !== undefined && <span class="quiet">{format.time(at, Date.now())}</span>}
              </summary>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
              <pre tabIndex={0}>{text}</pre>
            </details>
          </li>
        );
      })}
    </ul>
  );
}
