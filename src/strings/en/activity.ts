// SPDX-License-Identifier: Apache-2.0
// The list of calls. Text in `backticks` is shown as code. One call in full: call.ts.

import type { ActivityItem } from '../../contract/local-api.ts';
import { plural } from '../plural.ts';
import { ERROR_WORDS } from './errors.ts';

export const ACTIVITY = {
  intro: 'The newest calls to AI services from this machine. What was said in them is not here, and is not recorded.',
  filter: 'Search',
  filterHint: 'App, provider, model, error or id',
  decisions: 'Decision',
  decisionAll: 'All',
  pause: 'Pause',
  /** `more`: at least so many. */
  paused: (count: string, changes: number, more: boolean) =>
    changes === 0
      ? 'Paused'
      : `Paused, ${count}${more ? ' or more' : ''} newer ${plural(changes, 'change', 'changes')} waiting`,
  resume: 'Continue',
  searching: 'Searching the log…',
  found: (count: string, calls: number) => `${count} ${plural(calls, 'call', 'calls')} found in the whole log`,
  foundSoFar: (count: string, calls: number) =>
    `${count} ${plural(calls, 'call', 'calls')} found so far; older ones have not been searched`,
  searchFailed: 'The log could not be searched; only calls that are known here are shown.',
  again: 'Try again',
  older: 'Show older',
  olderSearch: 'Search further back',
  olderBusy: 'Looking…',
  olderShown: (count: number) => `${count} older ${plural(count, 'call', 'calls')} added.`,
  olderNone: 'No older call has been found.',
  all: 'These are all calls of the log.',
  full: (count: string) => `The list ends after ${count} calls. Search for what you are looking for.`,
  table: 'Newest calls first',
  columns: {
    time: 'Time',
    app: 'App',
    provider: 'Provider',
    model: 'Model',
    decision: 'Decision',
    tokens: 'Tokens in / out',
    latency: 'Duration',
  },
  /** The link in a row: the time is what is seen of it. */
  open: (time: string) => `${time}, show this call`,
  decision: { allowed: 'Allowed', blocked: 'Blocked' } satisfies Record<ActivityItem['decision'], string>,
  result: {
    running: 'running',
    refused: '',
    complete: '',
    failed: 'failed',
    broken: 'broke off',
    cancelled: 'cancelled by the app',
    lost: 'end not known',
  } satisfies Record<ActivityItem['result'], string>,
  errors: ERROR_WORDS,
  sentModel: (model: string) => `sent as ${model}`,
  unknown: 'not known',
  none: '–',
  firstContent: (time: string) => `first words after ${time}`,
  /** In a narrow column, below how long it took. */
  firstShort: (time: string) => `after ${time}`,
  estimated: 'about ',
  empty: 'No calls yet',
  emptyText: 'As soon as an app asks an AI service through Outpost, the call appears here.',
  noMatch: 'No call matches',
  clear: 'Clear the search',
  someApp: 'an app that is not known',
  blockedNow: (app: string) => `A call from ${app} was blocked.`,
  blockedSome: (count: number) => `${count} calls were blocked.`,
};
