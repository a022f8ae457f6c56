// SPDX-License-Identifier: Apache-2.0
// Which calls a filter text means. Pure.

import type { ActivityItem } from '../../contract/local-api.ts';
import { STRINGS } from '../strings.ts';

/** Every word must be found somewhere in what the row shows; upper and lower case are the same. */
export function filterCalls(calls: readonly ActivityItem[], text: string): readonly ActivityItem[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return calls;
  return calls.filter((call) => {
    const shown = [
      call.app,
      call.provider,
      call.model,
      call.sent_model,
      call.error,
      STRINGS.activity.decision[call.decision],
      STRINGS.activity.result[call.result],
    ];
    const haystack = shown.filter(Boolean).join('\n').toLocaleLowerCase();
    return words.every((word) => haystack.includes(word));
  });
}
