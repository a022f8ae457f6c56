// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapedJson, printable, printableJson, printableLines } from './printable.ts';

/** Escape sequences of both forms, a bell, a line break, an override of direction, a soft hyphen, a tag, half a character. */
const HOSTILE = '\u001b[2J\u009b31m\u0007\r\n\u202eabc\u00ad\u{e0041}\ud800\u2028';

test('nothing that moves the cursor or hides itself is left, letters of any script are', () => {
  assert.doesNotMatch(printable(HOSTILE), /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u);
  assert.equal(printable('Ärger 日本 🙂 a|b'), 'Ärger 日本 🙂 a|b');
  assert.equal(printableLines('a\u001b[2J\nb\r\nc'), 'a\ufffd[2J\nb\ufffd\nc');
});

test('JSON says the same with such characters escaped', () => {
  const value = { [HOSTILE]: [HOSTILE, 'ok'] };
  for (const text of [printableJson(value), printableJson(value, 2), escapedJson(JSON.stringify(value))]) {
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u);
    assert.deepEqual(JSON.parse(text), value);
  }
});
