// SPDX-License-Identifier: Apache-2.0
// How much a model shall think, between dialects that say it in words and those that say it in tokens. Pure.

import type { Reasoning, ReasoningEffort } from './hub.ts';

/**
 * Shares of the output limit, from OpenRouter's published table of effort to budget (xhigh 0.95, high 0.8, medium 0.5, low 0.2,
 * minimal 0.1).
 */
const SHARE: Readonly<Record<Exclude<ReasoningEffort, 'none'>, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
};

/** Anthropic's smallest budget; Gemini takes it too. */
export const MIN_BUDGET_TOKENS = 1_024;

/** Tokens for an effort; at least MIN_BUDGET_TOKENS. `maxTokens`: the output limit of the request. */
export function budgetOf(reasoning: Reasoning, maxTokens: number): number {
  if (reasoning.budgetTokens !== undefined) return reasoning.budgetTokens;
  const { effort } = reasoning;
  const share = effort === undefined || effort === 'none' ? SHARE.medium : SHARE[effort];
  return Math.max(MIN_BUDGET_TOKENS, Math.floor(maxTokens * share));
}

/** The nearest of the three words that every OpenAI-like host knows, for a budget in tokens. */
export function effortOf(reasoning: Reasoning): 'low' | 'medium' | 'high' | undefined {
  switch (reasoning.effort) {
    case 'minimal':
    case 'low':
      return 'low';
    case 'medium':
      return 'medium';
    case 'high':
    case 'xhigh':
    case 'max':
      return 'high';
    case 'none':
      return undefined;
  }
  if (reasoning.budgetTokens === undefined) return undefined;
  if (reasoning.budgetTokens <= 4_096) return 'low';
  return reasoning.budgetTokens <= 16_384 ? 'medium' : 'high';
}
