// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rateReset, retryAfter } from './retry-after.ts';

const NOW = Date.UTC(2030, 0, 1, 12, 0, 0);
const headers = (all: Readonly<Record<string, string>>) => (name: string) => all[name];

const RETRY_AFTER: readonly (readonly [Readonly<Record<string, string>>, number | undefined])[] = [
  [{ 'retry-after': '2' }, 2_000],
  [{ 'retry-after': ' 0.5 ' }, 500],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
  [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
  [{ 'retry-after': 'Tue, 01 Jan 2030 12:00:07 GMT' }, 7_000],
  [{ 'retry-after': 'Tue, 01 Jan 2030 11:00:00 GMT' }, 0],
  [{ 'retry-after': '99999999999' }, 86_400_000],
  [{ 'retry-after': '-3' }, undefined],
  [{ 'retry-after': '1e9' }, undefined],
  [{ 'retry-after': '0x10' }, undefined],
  [{ 'retry-after': 'NaN' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{ 'retry-after': 'Tue, 99 Foo 2030' }, undefined],
  [{ 'retry-after': '1'.repeat(400) }, undefined],
  [{}, undefined],
];

test('a time to wait is read from seconds, milliseconds and dates, and rubbish is no time', () => {
  for (const [given, expected] of RETRY_AFTER) {
    assert.equal(retryAfter(headers(given), NOW), expected, JSON.stringify(given));
  }
});

const RESETS: readonly (readonly [Readonly<Record<string, string>>, number | undefined])[] = [
  [{ 'x-ratelimit-reset-requests': '1s' }, 1_000],
  [{ 'x-ratelimit-reset-tokens': '6m0s' }, 360_000],
  [{ 'x-ratelimit-reset-tokens': '120ms' }, 120],
  [{ 'x-ratelimit-reset-tokens': '1h2m3.5s' }, 3_723_500],
  [{ 'x-ratelimit-reset-requests': '7' }, 7_000],
  [{ 'anthropic-ratelimit-requests-reset': '2030-01-01T12:00:30Z' }, 30_000],
  [{ 'anthropic-ratelimit-input-tokens-reset': '2030-01-01T13:00:30.5+01:00' }, 30_500],
  // The one with nothing left is what was hit.
  [
    {
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-tokens': '6m0s',
      'x-ratelimit-remaining-tokens': '900',
    },
    1_000,
  ],
  [{ 'x-ratelimit-reset-requests': '8h', 'x-ratelimit-reset-tokens': '4s' }, 4_000],
  [{ 'x-ratelimit-reset-tokens': 'ms' }, undefined],
  [{ 'x-ratelimit-reset-tokens': '' }, undefined],
  [{ 'anthropic-ratelimit-requests-reset': 'tomorrow' }, undefined],
  [{ 'anthropic-ratelimit-requests-reset': '2030-13-45T99:00:00Z' }, undefined],
];

test('the end of a rate window is read in both families of headers', () => {
  for (const [given, expected] of RESETS) {
    assert.equal(rateReset(headers(given), NOW), expected, JSON.stringify(given));
  }
});
