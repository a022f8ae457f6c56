// SPDX-License-Identifier: Apache-2.0
// The list of calls, and one call in full. Text in `backticks` is shown as code.

import type { ActivityItem } from '../../contract/local-api.ts';
import { plural } from '../plural.ts';

export const ACTIVITY = {
  intro: 'The newest calls to AI services from this machine. What was said in them is not here, and is not recorded.',
  filter: 'Filter',
  filterHint: 'App, provider, model or decision',
  pause: 'Pause',
  paused: (count: number) =>
    count === 0 ? 'Paused' : `Paused, ${count} newer ${plural(count, 'change', 'changes')} waiting`,
  resume: 'Continue',
  matches: (shown: number, all: number) => `${shown} of ${all} ${plural(all, 'call', 'calls')} shown`,
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
  sentModel: (model: string) => `sent as ${model}`,
  unknown: 'not known',
  none: '–',
  firstContent: (time: string) => `first after ${time}`,
  estimated: 'about ',
  empty: 'No calls yet',
  emptyText: 'As soon as an app asks an AI service through Outpost, the call appears here.',
  noMatch: 'No call matches',
  clear: 'Clear the filter',
  blockedNow: (app: string) => `A call from ${app} was blocked.`,
};
