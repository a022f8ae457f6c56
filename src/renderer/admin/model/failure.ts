// SPDX-License-Identifier: Apache-2.0
// A failed request in plain words. Pure.

import type { AdminFailure } from '../client/admin-client.ts';
import { STRINGS } from '../strings.ts';

export interface FailureWords {
  readonly title: string;
  /** '': the title says it. */
  readonly text: string;
}

/** The server's words begin small and have no full stop. */
export function sentence(text: string): string {
  const [first = ''] = text;
  const whole = first.toLocaleUpperCase() + text.slice(first.length);
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** @param changing something was to be changed, not only shown */
export function describeFailure({ code, message, retryAfter }: AdminFailure, changing: boolean): FailureWords {
  const words = STRINGS.failure;
  const title = words.titles[code];
  switch (code) {
    case 'network':
      return { title, text: changing ? words.networkChanging : words.network };
    case 'outdated':
      return { title, text: changing ? words.outdatedChanging : words.outdated };
    case 'signed-out':
      return { title, text: words.signedOut };
    case 'rate':
      return { title, text: retryAfter === undefined ? sentence(message) : words.wait(retryAfter) };
    default:
      return { title, text: sentence(message) };
  }
}
