// SPDX-License-Identifier: Apache-2.0
// A row in one plain sentence, for whoever reads it in a console that knows nothing of Outpost. Pure.

import type { Facts } from './facts.ts';

export function sentenceOf({ kind, call, end, event }: Facts): string {
  const what = [call?.app ?? call?.process?.name ?? 'An app', 'to', call?.host ?? call?.provider ?? 'a provider'].join(
    ' ',
  );
  switch (kind) {
    case 'intent':
      return `Call of ${what} allowed`;
    case 'refusal':
      return `Call of ${what} blocked${because(end?.error)}`;
    case 'attempt':
      return `Attempt ${end?.attempt ?? ''} of a call of ${what}: ${end?.result ?? 'ended'}${because(end?.failure ?? end?.error)}`;
    case 'outcome':
      return `Call of ${what}: ${end?.result ?? 'ended'}${because(end?.error)}`;
    case 'orphan':
      return 'The agent ended before a call did';
    case 'gap':
      return `Audit rows are missing: ${event?.name ?? 'unknown'}`;
    case 'epoch':
      return `Audit file begun: ${event?.name ?? 'unknown'}`;
    case 'quarantined':
      return 'The text of an audit row could not be stored';
    default:
      return `Agent: ${event?.name ?? kind}`;
  }
}

const because = (reason: string | undefined): string => (reason === undefined ? '' : ` (${reason})`);
