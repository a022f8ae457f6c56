// SPDX-License-Identifier: Apache-2.0
// The answer of a request decoder that cannot read what it was given at all.

import type { DecodedRequest } from './codec.ts';
import type { LossList } from './losses.ts';

/** Not a conversation of the dialect, for what stands at `at`. What was lost before is kept. */
export function unreadable(losses: LossList, at: string): DecodedRequest {
  losses.add('not-understood', at);
  return { request: undefined, losses: losses.found };
}
