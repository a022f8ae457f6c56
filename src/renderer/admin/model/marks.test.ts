// SPDX-License-Identifier: Apache-2.0
// Places in a text: where a fault's line and column are, and how it is drawn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../client/admin-client.ts';
import { lineCount, lineNumbers, marksOf, offsetOf } from './marks.ts';

const TEXT = 'one\n  two: 2\n\nfour';
const fault = (line: number, column: number): Fault => ({ line, column, message: 'x', at: '' });

test('lines are counted as an editor counts them', () => {
  assert.deepEqual(['', 'a', 'a\n', 'a\nb', '\n\n'].map(lineCount), [1, 1, 2, 2, 3]);
  assert.equal(lineNumbers(3), '1\n2\n3');
});

test('line and column lead to their place; what is outside is moved to the end of the line or the text', () => {
  const at = (line: number, column: number) => TEXT.slice(offsetOf(TEXT, line, column));
  assert.equal(at(1, 1), TEXT);
  assert.equal(at(2, 3), 'two: 2\n\nfour');
  assert.equal(at(2, 0), '  two: 2\n\nfour');
  assert.equal(at(2, 99), '\n\nfour');
  assert.equal(at(3, 5), '\nfour');
  assert.equal(at(4, 5), '');
  assert.equal(at(99, 1), '');
});

test('a mark splits its line at the column; drawn one below the other, marks and gaps give the text’s lines', () => {
  const marks = marksOf(TEXT, [fault(2, 3)], [fault(4, 99)]);
  assert.deepEqual(marks, [
    { line: 2, gap: 1, before: '  ', at: 't', after: 'wo: 2', severity: 'error' },
    { line: 4, gap: 1, before: 'four', at: '', after: '', severity: 'warning' },
  ]);
});

test('of several faults of a line the first counts, and an error before a warning', () => {
  const [mark, ...others] = marksOf(TEXT, [fault(2, 8), fault(2, 5)], [fault(2, 3)]);
  assert.deepEqual(others, []);
  assert.deepEqual([mark?.severity, mark?.before], ['error', '  tw']);
});

test('a fault whose place is not known, or not in this text, is not drawn', () => {
  assert.deepEqual(marksOf(TEXT, [fault(0, 0), fault(5, 1)], []), []);
});

test('a character outside the first plane is marked whole', () => {
  assert.equal(marksOf('a😀b', [fault(1, 2)], [])[0]?.at, '😀');
});

test('thousands of faults do not draw thousands of marks', () => {
  const text = 'x\n'.repeat(5_000);
  const faults = Array.from({ length: 5_000 }, (_, index) => fault(index + 1, 1));
  assert.equal(marksOf(text, faults, []).length, 200);
});
