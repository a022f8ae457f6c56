// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob } from './glob.ts';

const cases: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ['gpt-4o', 'GPT-4o', true],
  ['gpt-4o', 'gpt-4o-mini', false],
  ['gpt-4*', 'gpt-4', true],
  ['*', '', true],
  ['**', 'x', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['*:generateContent', '/v1beta/models/g:GenerateContent', true],
  ['ab*bc', 'abc', false],
  ['*ab*ab*', 'abab', true],
  ['*ab*ab*', 'aba', false],
  ['a.c', 'abc', false],
  ['[x]', '[x]', true],
];

for (const [pattern, text, matches] of cases) {
  test(`${pattern} ${matches ? 'matches' : 'does not match'} "${text}"`, () => {
    assert.equal(compileGlob(pattern)(text), matches);
  });
}

test('a pattern of many stars does not blow up on a hostile text', () => {
  const glob = compileGlob(`${'*a'.repeat(100)}*b`);
  const started = performance.now();
  assert.equal(glob('a'.repeat(100_000)), false);
  assert.ok(performance.now() - started < 1000);
});
