// SPDX-License-Identifier: Apache-2.0
// What an outcome row has to add about its intent: the essentials where no intent row was written, or that the request left
// before the row was committed. Pure; bounded.

import type { IntentBody, OutcomeBody } from '../../contract/audit-row.ts';

/** Calls in flight; of more, the oldest lose their addition. */
const MOST = 20_000;

type Merged = NonNullable<OutcomeBody['merged']>;

export class HeldIntents {
  readonly #merged = new Map<string, Merged>();
  readonly #late = new Set<string>();

  /** The intent will be told by its outcome. */
  hold({ request, decision, entrance, host, app, dialect, model, policy, rule }: IntentBody): void {
    const optional = { app, dialect, model, rule };
    const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
    this.#merged.set(request, { decision, entrance, host, policy, ...present });
    dropOldest(this.#merged);
  }

  markLate(request: string): void {
    this.#late.add(request);
    dropOldest(this.#late);
  }

  /** The outcome with what it has to add; forgets the call. */
  complete(row: OutcomeBody): OutcomeBody {
    const late = this.#late.has(row.request);
    const merged = this.take(row.request);
    if (!late && merged === undefined) return row;
    return { ...row, ...(late ? { late } : {}), ...(merged === undefined ? {} : { merged }) };
  }

  /** Forgets the call. */
  take(request: string): Merged | undefined {
    const merged = this.#merged.get(request);
    this.#merged.delete(request);
    this.#late.delete(request);
    return merged;
  }
}

function dropOldest(held: Map<string, unknown> | Set<string>): void {
  if (held.size <= MOST) return;
  const oldest = held.keys().next().value;
  if (oldest !== undefined) held.delete(oldest);
}
