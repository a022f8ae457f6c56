// SPDX-License-Identifier: Apache-2.0
// Calls and results in pairs, for dialects that want them but let them stand anywhere (OpenAI, Cohere). Pure.

import type { Message } from './hub.ts';
import type { LossList } from './losses.ts';

/** Essential `tool-pairing` where a result has no call before it, a call no result after it, or an id is open twice. */
export function checkPairs(messages: readonly Message[], losses: LossList): void {
  const open = new Set<string>();
  for (const { parts } of messages) {
    for (const part of parts) {
      if (part.kind === 'tool-call') {
        if (open.has(part.id)) losses.add('tool-pairing', '/messages');
        open.add(part.id);
      } else if (part.kind === 'tool-result' && !open.delete(part.id)) losses.add('tool-pairing', '/messages');
    }
  }
  if (open.size > 0) losses.add('tool-pairing', '/messages');
}
