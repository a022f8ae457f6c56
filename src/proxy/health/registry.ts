// SPDX-License-Identifier: Apache-2.0
// Holds the active warnings of the daemon and tells listeners when what is visible changes. The decisions are in warnings.ts.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { Warning, WarningArgs, WarningCode } from '../../contract/health.ts';
import type { HealthItem } from '../../contract/local-api.ts';
import { clear, NO_WARNINGS, raise, untilNextVisible, visible, type Warnings } from './warnings.ts';

export interface Health {
  /** Raises a warning, or renews its particulars. Raising it again is free. */
  set<C extends WarningCode>(code: C, args: WarningArgs<C>): void;
  clear(code: WarningCode): void;
  /** What a person should see now: gravest first. The same array until something changes. */
  items(): readonly HealthItem[];
  /** Calls back whenever `items()` has changed. Returns the unsubscribe. */
  subscribe(listener: (items: readonly HealthItem[]) => void): () => void;
  /** Stops the timer and forgets the listeners. */
  close(): void;
}

export function createHealth({ clock }: { readonly clock: Clock }): Health {
  let warnings: Warnings = NO_WARNINGS;
  let items: readonly HealthItem[] = [];
  let timer: Timer | undefined;
  const listeners = new Set<(items: readonly HealthItem[]) => void>();

  const refresh = (): void => {
    timer?.clear();
    const now = clock.monotonic();
    const wait = untilNextVisible(warnings, now);
    timer = wait === undefined ? undefined : clock.after(Math.ceil(wait), refresh);
    const next = visible(warnings, now);
    if (JSON.stringify(next) === JSON.stringify(items)) return;
    items = next;
    for (const listener of [...listeners]) listener(items);
  };

  const become = (next: Warnings): void => {
    if (next === warnings) return;
    warnings = next;
    refresh();
  };

  return {
    // The cast pairs what the signature has paired already: `args` are those of `code`.
    set: (code, args) => become(raise(warnings, { code, args } as Warning, clock.now(), clock.monotonic())),
    clear: (code) => become(clear(warnings, code)),
    items: () => items,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      timer?.clear();
      listeners.clear();
    },
  };
}
