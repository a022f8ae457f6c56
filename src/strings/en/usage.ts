// SPDX-License-Identifier: Apache-2.0
// Tokens and cost of the last days. Text in `backticks` is shown as code.

import { plural } from '../plural.ts';

export const USAGE = {
  title: 'Usage',
  intro: 'Tokens and cost of the last seven days, counted from the log on this machine.',
  loading: 'Counting…',
  failed: 'Usage could not be counted.',
  again: 'Try again',
  reload: 'Count again',
  reloaded: (time: string) => `Counted again at ${time}.`,
  asOf: (time: string) => `As of ${time}`,
  stale: (time: string) => `Outpost does not answer; these numbers are from ${time}.`,
  empty: 'No AI calls in the last seven days',
  emptyText: 'As soon as an app asks an AI service through Outpost, its tokens and cost are counted here.',
  total: 'Seven days',
  calls: 'Calls',
  blocked: 'Blocked',
  input: 'Tokens in',
  output: 'Tokens out',
  cost: 'Cost',
  tokensPerDay: 'Tokens per day',
  costPerDay: 'Cost per day',
  noCost: 'No prices are known for the models that were used, so there is no cost to show.',
  noTokens: 'No tokens were counted.',
  /** What a chart says to who does not see it. */
  chart: (what: string, total: string, most: string, day: string) =>
    `${what}: ${total} in seven days, most on ${day} with ${most}. The table “Each day in numbers” has every day.`,
  days: 'Each day in numbers',
  day: 'Day',
  today: 'today',
  models: 'Top models',
  model: 'Model',
  apps: 'Top apps',
  app: 'App',
  share: 'Share of all tokens',
  rest: 'All others',
  unknown: 'not known',
  none: '–',
  notes: 'About these numbers',
  estimate: 'The cost is worked out from list prices. What is billed may differ.',
  unpriced: (count: string, calls: number) =>
    `${count} ${plural(calls, 'call has', 'calls have')} no known price; the cost is without ${plural(calls, 'it', 'them')}.`,
  uncounted: (count: string, calls: number) =>
    `Of ${count} ${plural(calls, 'call', 'calls')} the provider did not say the tokens; tokens and cost are at least what is shown.`,
  since: (date: string) => `The log begins on ${date}; what was before is not counted.`,
};
