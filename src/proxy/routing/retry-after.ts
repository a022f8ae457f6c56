// SPDX-License-Identifier: Apache-2.0
// When a provider says that it may be asked again. Headers are hostile: what is not understood is as if it were not there.

type Header = (name: string) => string | undefined;

/** Longer values are no time of day in any of the forms. */
const LONGEST = 64;
/** What "never" would look like; ceilings that mean something are the caller's. */
const DAY = 86_400_000;

/**
 * `retry-after-ms`, then `retry-after` in seconds or as a date; milliseconds from now, at most a day.
 * @param wall milliseconds since the epoch
 */
export function retryAfter(header: Header, wall: number): number | undefined {
  const millis = decimal(header('retry-after-ms'));
  if (millis !== undefined) return bounded(millis);
  const text = short(header('retry-after'));
  const seconds = decimal(text);
  if (seconds !== undefined) return bounded(seconds * 1000);
  return date(text, wall, HTTP_DATE);
}

/**
 * When the rate window ends that the provider reports beside each answer: OpenAI's and Anthropic's families of headers. Of several
 * windows those count that have nothing left (the longest of them); where none says so, the shortest: too early costs one more 429.
 */
export function rateReset(header: Header, wall: number): number | undefined {
  const spent: number[] = [];
  const others: number[] = [];
  const put = (ms: number | undefined, remaining: string): void => {
    if (ms !== undefined) (decimal(header(remaining)) === 0 ? spent : others).push(ms);
  };
  for (const what of ['requests', 'tokens']) {
    put(duration(header(`x-ratelimit-reset-${what}`)), `x-ratelimit-remaining-${what}`);
  }
  for (const what of ['requests', 'tokens', 'input-tokens', 'output-tokens']) {
    const reset = short(header(`anthropic-ratelimit-${what}-reset`));
    put(date(reset, wall, RFC_3339), `anthropic-ratelimit-${what}-remaining`);
  }
  if (spent.length > 0) return Math.max(...spent);
  return others.length > 0 ? Math.min(...others) : undefined;
}

const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d/;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** Go's notation: `1s`, `6m0s`, `120ms`, `1h2m3.5s`. */
const DURATION = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

function short(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === undefined || text === '' || text.length > LONGEST ? undefined : text;
}

/** No sign, no exponent, no hexadecimal. */
function decimal(value: string | undefined): number | undefined {
  const text = short(value);
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), DAY);
}

function date(text: string | undefined, wall: number, form: RegExp): number | undefined {
  if (text === undefined || !form.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : bounded(at - wall);
}

function duration(value: string | undefined): number | undefined {
  const seconds = decimal(value);
  if (seconds !== undefined) return bounded(seconds * 1000);
  const match = DURATION.exec(short(value) ?? '');
  if (match === null || match[0] === '') return undefined;
  const part = (at: number): number => Number(match[at] ?? 0);
  return bounded(part(1) * 3_600_000 + part(2) * 60_000 + part(3) * 1000 + part(4));
}
