// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffPolicies } from './diff.ts';

const text = (count: number, change: (line: number) => string) =>
  Array.from({ length: count }, (_, index) => `${change(index + 1)}\n`).join('');

test('a changed line is a hunk with the lines around it', () => {
  const before = text(20, (line) => `line ${line}`);
  const after = text(20, (line) => (line === 10 ? 'other' : `line ${line}`));
  const [diff, ...more] = diffPolicies({ config: before, files: {} }, { config: after, files: {} });
  assert.deepEqual(more, []);
  assert.deepEqual(diff, {
    name: '',
    change: 'changed',
    hunks: [
      {
        oldStart: 7,
        oldLines: 7,
        newStart: 7,
        newLines: 7,
        lines: [' line 7', ' line 8', ' line 9', '-line 10', '+other', ' line 11', ' line 12', ' line 13'],
      },
    ],
  });
});

test('files that came, went and stayed are told apart', () => {
  const a = { config: '{}\n', files: { gone: 'a\n', same: 'b\n' } };
  const b = { config: '{}\n', files: { same: 'b\n', come: 'c\n' } };
  assert.deepEqual(
    diffPolicies(a, b).map(({ name, change, hunks }) => [name, change, hunks?.flatMap(({ lines }) => lines)]),
    [
      ['come', 'added', ['+c']],
      ['gone', 'removed', ['-a']],
    ],
  );
  assert.deepEqual(diffPolicies(a, a), []);
});

test('a text that differs in more than 500 lines is not compared line by line, nor are many that do together', () => {
  const hunks = (count: number, files: number) => {
    const policy = (change: string) => {
      const lines = text(count, (line) => (line % 2 === 0 ? `${line}` : `${change} ${line}`));
      return { config: '', files: Object.fromEntries(Array.from({ length: files }, (_, n) => [`f${n}`, lines])) };
    };
    return diffPolicies(policy('a'), policy('b')).map((diff) => diff.hunks !== undefined);
  };
  assert.deepEqual(hunks(490, 3), [true, true, false]);
  assert.deepEqual(hunks(510, 3), [false, false, false]);
  // One changed line of each is found, however many there are.
  assert.deepEqual(hunks(1, 32), Array(32).fill(true));
});

test('texts that have nothing in common are not compared line by line', () => {
  const a = { config: text(20_000, (line) => `a ${line}`), files: {} };
  const b = { config: text(20_000, (line) => `b ${line}`), files: {} };
  assert.deepEqual(diffPolicies(a, b), [{ name: '', change: 'changed', hunks: undefined }]);
});
