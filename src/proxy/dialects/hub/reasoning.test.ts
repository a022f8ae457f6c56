// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reasoning, ReasoningEffort } from './hub.ts';
import { budgetOf, effortOf, MIN_BUDGET_TOKENS } from './reasoning.ts';

const words = (effort: ReasoningEffort | undefined): Reasoning => ({ effort, budgetTokens: undefined, visible: true });
const tokens = (budgetTokens: number): Reasoning => ({ effort: undefined, budgetTokens, visible: undefined });

const BUDGETS: readonly (readonly [effort: ReasoningEffort | undefined, of10000: number])[] = [
  ['minimal', MIN_BUDGET_TOKENS],
  ['low', 2_000],
  ['medium', 5_000],
  ['high', 8_000],
  ['xhigh', 9_500],
  ['max', 9_500],
  [undefined, 5_000],
];
for (const [effort, budget] of BUDGETS) {
  test(`${effort ?? 'thinking without a word'} of 10,000 output tokens is a budget of ${budget}`, () => {
    assert.equal(budgetOf(words(effort), 10_000), budget);
  });
}

test('a budget in tokens stays what it is; shares are whole numbers and never below what Anthropic takes', () => {
  assert.equal(budgetOf(tokens(77), 10), 77);
  assert.equal(budgetOf(words('high'), 10_001), 8_000);
  assert.equal(budgetOf(words('max'), 1), MIN_BUDGET_TOKENS);
});

const WORDS: readonly (readonly [ReasoningEffort, 'low' | 'medium' | 'high' | undefined])[] = [
  ['none', undefined],
  ['minimal', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
];
for (const [effort, word] of WORDS) {
  test(`${effort} is ${word ?? 'nothing'} where only three words are known`, () => {
    assert.equal(effortOf(words(effort)), word);
  });
}

test('a budget becomes the nearest word', () => {
  assert.deepEqual(
    [1_024, 4_096, 4_097, 16_384, 16_385].map((budget) => effortOf(tokens(budget))),
    ['low', 'low', 'medium', 'medium', 'high'],
  );
  assert.equal(effortOf(words(undefined)), undefined);
});
