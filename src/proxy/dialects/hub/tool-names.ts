// SPDX-License-Identifier: Apache-2.0
// Tool names that every dialect takes ([A-Za-z0-9_-], at most 64), and the way back. Pure.

import type { HubRequest } from './hub.ts';

const MAX_NAME = 64;
const FIT = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

export interface ToolNames {
  /** The name to send for a name of the caller's. */
  fit(name: string): string;
  /** Sent name to the caller's, changed names only. */
  readonly changed: ReadonlyMap<string, string>;
}

/** Names that fit stay; others get their odd characters replaced and, where two would meet, a number. */
export function fitToolNames(request: Pick<HubRequest, 'tools' | 'messages'>, fits: RegExp = FIT): ToolNames {
  const sent = new Map<string, string>();
  const changed = new Map<string, string>();
  const names = request.tools.map(({ name }) => name);
  const taken = new Set(names.filter((name) => fits.test(name)));
  /** The next number to try for a name that met another. */
  const numbers = new Map<string, number>();

  function fit(name: string): string {
    if (fits.test(name)) return name;
    const known = sent.get(name);
    if (known !== undefined) return known;
    const plain = name.replace(/[^A-Za-z0-9_-]/g, '_');
    const base = (/^[A-Za-z_]/.test(plain) ? plain : `t_${plain}`).slice(0, MAX_NAME);
    let candidate = base;
    let n = numbers.get(base) ?? 2;
    while (taken.has(candidate)) {
      const ending = `_${n++}`;
      candidate = base.slice(0, MAX_NAME - ending.length) + ending;
    }
    numbers.set(base, n);
    taken.add(candidate);
    sent.set(name, candidate);
    changed.set(candidate, name);
    return candidate;
  }

  for (const name of names) fit(name);
  return { fit, changed };
}
