// SPDX-License-Identifier: Apache-2.0
// One call in words, its rows for reading, and what makes a view load again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fakeCall } from '../../../test/fakes/fake-agent.ts';
import { fallbackDetail } from '../../../test/fakes/history-agent.ts';
import { DE } from '../../strings/de/de.ts';
import { EN } from '../../strings/en/en.ts';
import { codesOf, endOf, errorWords, notesOf, tokensText } from './call.ts';
import { createFormat } from './format.ts';
import { describeRow } from './row.ts';
import { createThrottle } from './throttle.ts';

const { attempts } = fallbackDetail(fakeCall(1));
const [first, second, third] = attempts;
const bare = { attempt: 1, provider: 'p', result: 'complete' } as const;

test('an attempt says how it ended and why, in words; an unknown class stays as it came', () => {
  assert.deepEqual(
    attempts.map((attempt) => endOf(attempt, EN)),
    ['failed: rate limit', 'broke off: no answer in time', 'answered'],
  );
  for (const failure of ['from-the-future', 'toString', '__proto__'])
    assert.equal(endOf({ ...bare, result: 'failed', failure }, EN), `failed: ${failure}`);
  assert.match(endOf({ ...bare, result: 'failed', failure: 'hang' }, DE), /^gescheitert: (?!hang)/);
});

test('key, repetition, probe and a possible bill are noted, codes kept apart, each once', () => {
  assert.deepEqual(first && notesOf(first, EN), ['key team-a']);
  assert.deepEqual(second && notesOf(second, EN), [
    'key team-b',
    'the same provider once more',
    'may be billed although it was not used',
  ]);
  assert.deepEqual(third && notesOf(third, EN), ['found out whether the provider works again']);
  assert.deepEqual(notesOf({ ...bare, retry: false, probe: false, possibly_billed: false }, EN), []);
  assert.deepEqual(first && codesOf(first, EN), ['rate_limit_error', 'status 429']);
  assert.deepEqual(codesOf({ ...bare, error: 'x', error_class: 'x' }, EN), ['x']);
});

test('tokens that are not known are a dash, estimated ones say so', () => {
  const format = createFormat('en-GB', 'UTC');
  const text = (part: object) => tokensText(part, EN.activity, format);
  assert.equal(text({}), '–');
  assert.equal(text({ input_tokens: 1_200 }), '1,200 / –');
  assert.equal(text({ input_tokens: 0, output_tokens: 34, tokens_estimated: true }), '0 / about 34');
});

test('a stored row is shown with line breaks and nothing else changed', () => {
  const row = '{"seq":7,"at":5,"body":{"kind":"refusal","z":1.5,"a":"\\u003c"}}';
  const { title, at, text } = describeRow(row, EN.recorded);
  assert.equal(title, 'Row 7, a blocked call');
  assert.equal(at, 5);
  assert.deepEqual(JSON.parse(text), JSON.parse(row));
  assert.equal(text.indexOf('"z"') < text.indexOf('"a"'), true);
  assert.deepEqual(describeRow('no json', EN.recorded), {
    title: 'a row of an unknown form',
    at: undefined,
    text: 'no json',
  });
  assert.equal(
    describeRow('{"seq":1,"body":{"kind":"toString"}}', EN.recorded).title,
    'Row 1, a row of an unknown form',
  );
});

test('what becomes due often is done once, and again when it becomes due again', () => {
  const clock = new FakeClock();
  let done = 0;
  const throttle = createThrottle(clock, 5_000, () => done++);
  throttle.due();
  clock.advance(4_999);
  throttle.due();
  assert.equal(done, 0);
  clock.advance(1);
  assert.equal(done, 1);
  clock.advance(60_000);
  assert.equal(done, 1);
  throttle.due();
  clock.advance(5_000);
  assert.equal(done, 2);
  throttle.due();
  throttle.end();
  clock.advance(60_000);
  assert.equal(done, 2);
});

test('codes of both catalogues have a few words, in both languages; others have none', () => {
  assert.equal(errorWords('OUT_UNREADABLE_BODY', EN), 'could not be checked');
  assert.equal(errorWords('OUT_UNREADABLE_BODY', DE), 'nicht prüfbar');
  assert.equal(errorWords('rate-limit', EN), 'rate limit');
  for (const code of ['rate_limit_error', 'toString', '__proto__']) assert.equal(errorWords(code, EN), undefined);
});
