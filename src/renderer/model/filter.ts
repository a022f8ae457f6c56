// SPDX-License-Identifier: Apache-2.0
// Which calls a search means: the same ones that the daemon finds in its log for it (docs: contract/local-history.ts). Pure.

import type { ActivityItem } from '../../contract/local-api.ts';
import type { CallsQuery } from '../../contract/local-history.ts';

export interface CallsFilter {
  readonly text: string;
  readonly decision: 'all' | ActivityItem['decision'];
}

export const NO_FILTER: CallsFilter = { text: '', decision: 'all' };
/** Characters of a search that the daemon takes. */
export const LONGEST_TEXT = 128;

export function isNarrowed({ text, decision }: CallsFilter): boolean {
  return text.trim() !== '' || decision !== 'all';
}

/** The text must be found somewhere in app, provider, model, error or id; upper and lower case are the same. */
export function filterCalls(calls: readonly ActivityItem[], { text, decision }: CallsFilter): readonly ActivityItem[] {
  const wanted = text.trim().toLowerCase();
  return calls.filter((call) => {
    if (decision !== 'all' && call.decision !== decision) return false;
    const fields = [call.app, call.provider, call.model, call.sent_model, call.error, call.id];
    return wanted === '' || fields.some((field) => field?.toLowerCase().includes(wanted));
  });
}

export function queryOf({ text, decision }: CallsFilter, before: string | undefined): CallsQuery {
  const wanted = text.trim().slice(0, LONGEST_TEXT);
  return {
    ...(wanted === '' ? {} : { text: wanted }),
    ...(decision === 'all' ? {} : { decision }),
    ...(before === undefined ? {} : { before }),
  };
}

/** All of both, newest first, each once: as the first list has it. */
export function mergeCalls(first: readonly ActivityItem[], second: readonly ActivityItem[]): readonly ActivityItem[] {
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...second.filter(({ id }) => !known.has(id))].sort((a, b) => b.at - a.at);
}
