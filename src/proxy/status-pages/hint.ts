// SPDX-License-Identifier: Apache-2.0
// What a provider says of itself: a level and a headline. Knows no page and no form of one.

export interface StatusHint {
  /** `minor`: something is degraded; `major`: something is down; `unknown`: the page did not answer, or not understandably. */
  readonly level: 'ok' | 'minor' | 'major' | 'unknown';
  /** The provider's own headline, '' where there is none. Foreign text: shown, never acted upon. */
  readonly text: string;
  /** Wall time of the answer, milliseconds. */
  readonly at: number;
  /** The page for people. */
  readonly url: string;
}

/** Level and headline as a reader found them; undefined: this is not what the page should be. */
export type Reading = Pick<StatusHint, 'level' | 'text'> | undefined;

export const MAX_HEADLINE = 200;

/** Controls, and what turns or hides text on a screen: bidirectional marks, zero-width characters, tags. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]+/gu;

/** One line of at most MAX_HEADLINE characters; '' for what is no text. */
export function headline(value: unknown): string {
  if (typeof value !== 'string') return '';
  const start = value.slice(0, MAX_HEADLINE * 4).toWellFormed();
  const line = start.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  return [...line].slice(0, MAX_HEADLINE).join('');
}
