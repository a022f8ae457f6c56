// SPDX-License-Identifier: Apache-2.0
// Collects what a translation loses: each code once per place, bounded, because requests are hostile.

import { hasContent, type Values } from '../json/values.ts';
import type { Loss, LossCode } from './loss.ts';

const MAX_LOSSES = 64;
const MAX_AT = 128;

export class LossList {
  readonly #found: Loss[] = [];

  get found(): readonly Loss[] {
    return this.#found;
  }

  add(code: LossCode, at: string): void {
    const place = at.slice(0, MAX_AT);
    if (this.#found.some((loss) => loss.code === code && loss.at === place)) return;
    // A full list keeps room for nothing more; but an essential loss of a code that is not there yet must not go unseen.
    if (this.#found.length >= MAX_LOSSES && this.#found.some((loss) => loss.code === code)) return;
    this.#found.push({ code, at: place });
  }

  addAll(losses: readonly Loss[]): void {
    for (const loss of losses) this.add(loss.code, loss.at);
  }

  /**
   * Members that say something and are not in `known`: the code that `codes` names for them, else `unknown-field`. Their names
   * are the caller's text, so a place names a member only where `codes` knows it.
   */
  unknownMembers(
    value: Values,
    at: string,
    known: ReadonlySet<string>,
    codes: Readonly<Partial<Record<string, LossCode>>> = {},
  ): void {
    for (const name of Object.keys(value)) {
      if (known.has(name)) continue;
      const member = value[name];
      if (member === null || member === undefined || member === false) continue;
      if (typeof member === 'object' && !hasContent(member)) continue;
      const code = Object.hasOwn(codes, name) ? codes[name] : undefined;
      if (code === undefined) this.add('unknown-field', at);
      else this.add(code, `${at}/${name}`);
    }
  }
}
