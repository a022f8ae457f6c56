// SPDX-License-Identifier: Apache-2.0
// One call in words: how each attempt ended and what else is to be said of it. Pure.

import type { ActivityItem } from '../../contract/local-api.ts';
import type { CallAttempt } from '../../contract/local-history.ts';
import type { Words } from '../../strings/catalogue.ts';
import type { Format } from './format.ts';

/** What kind of failure it was, in words; a class that this page does not know stays as it is. */
function failureOf(failure: string, { overview }: Words): string {
  const known: Readonly<Record<string, string>> = overview.failure;
  return (Object.hasOwn(known, failure) ? known[failure] : undefined) ?? failure;
}

/** A code of the error catalogue or a class of failure in a few words; undefined: this page does not know it. */
export function errorWords(code: string, { activity, overview }: Words): string | undefined {
  for (const known of [activity.errors, overview.failure] as readonly Readonly<Record<string, string>>[])
    if (Object.hasOwn(known, code)) return known[code];
  return undefined;
}

/** How the attempt ended, and why if it failed: `failed: rate limit`. */
export function endOf({ result, failure }: CallAttempt, words: Words): string {
  const end = words.call.attemptResult[result];
  return failure === undefined ? end : words.call.because(end, failureOf(failure, words));
}

/** What else is to be said of an attempt, each in a line. Codes for those who look them up are in `codesOf`. */
export function notesOf({ key, retry, probe, possibly_billed }: CallAttempt, { call }: Words): readonly string[] {
  return [
    ...(key === undefined ? [] : [call.key(key)]),
    ...(retry === true ? [call.retry] : []),
    ...(probe === true ? [call.probe] : []),
    ...(possibly_billed === true ? [call.billed] : []),
  ];
}

/** Codes and the provider's own words for what went wrong. */
export function codesOf({ error, error_class, status }: CallAttempt, { call }: Words): readonly string[] {
  return [
    ...(error === undefined ? [] : [error]),
    ...(error_class === undefined || error_class === error ? [] : [error_class]),
    ...(status === undefined ? [] : [call.status(status)]),
  ];
}

type Counted = Pick<ActivityItem, 'input_tokens' | 'output_tokens' | 'tokens_estimated'>;

/** `1,200 / 340`; a part that is not known is a dash. */
export function tokensText(
  { input_tokens, output_tokens, tokens_estimated }: Counted,
  { none, estimated }: Words['activity'],
  { count }: Format,
): string {
  if (input_tokens === undefined && output_tokens === undefined) return none;
  const one = (value: number | undefined) => (value === undefined ? none : count(value));
  return `${one(input_tokens)} / ${tokens_estimated ? estimated : ''}${one(output_tokens)}`;
}
