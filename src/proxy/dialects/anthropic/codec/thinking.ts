// SPDX-License-Identifier: Apache-2.0
// How Claude is told to think, and what may not stand beside it: budgets below the output limit, no sampling, no forced tool, and a
// signed block in front of a running tool loop. Every concession makes a loss. Shared by Messages, InvokeModel and Converse.

import type { EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Opaque, Part, Reasoning } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import type { Turn } from '../../hub/paired-turns.ts';
import { budgetOf, effortOf, MIN_BUDGET_TOKENS } from '../../hub/reasoning.ts';
import { thinksAdaptively } from './claude-models.ts';

export interface Thinking {
  /** `thinking` of the request; undefined: not said. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** `output_config.effort`. */
  readonly effort: string | undefined;
  /** Raised where the limit was ours and left no room for the answer. */
  readonly maxTokens: number;
  /** Is the model asked to think? */
  readonly on: boolean;
}

/** The share of a limit that thinking may take where the caller's budget does not fit below it. */
const LOWERED_SHARE = 0.8;

/**
 * `maxTokens`: the output limit so far. `isSigned`: can this reasoning go back to the model? Forced tools win over thinking, and so
 * does a tool loop that began without it: Anthropic answers 400 to both (extended thinking with tool use).
 */
export function planThinking(
  request: HubRequest,
  turns: readonly Turn[],
  target: EncodeTarget,
  maxTokens: number,
  isSigned: (part: Part) => boolean,
  losses: LossList,
): Thinking {
  const { reasoning, toolChoice } = request;
  const adaptive = thinksAdaptively(target.model);
  const silent: Thinking = { config: undefined, effort: undefined, maxTokens, on: false };
  const off: Thinking = adaptive ? { ...silent, config: { type: 'disabled' } } : silent;
  if (reasoning === undefined) return silent;
  if (target.facts.reasoning === false) {
    if (reasoning.effort !== 'none') losses.add('reasoning-unsupported', '/reasoning');
    return silent;
  }
  if (reasoning.effort === 'none') return off;
  if (toolChoice?.kind === 'required' || toolChoice?.kind === 'tool') {
    losses.add('reasoning-unsupported', '/reasoning');
    return off;
  }
  if (adaptive) {
    const effort = adaptiveEffort(reasoning, losses);
    const display = reasoning.visible === undefined ? {} : { display: reasoning.visible ? 'summarized' : 'omitted' };
    return { config: { type: 'adaptive', ...display }, effort, maxTokens, on: true };
  }
  if (loopLacksThinking(turns, isSigned)) {
    losses.add('state-unavailable', '/messages');
    return off;
  }
  const limit = request.maxOutputTokens === undefined ? roomFor(reasoning, target, maxTokens) : maxTokens;
  if (limit <= MIN_BUDGET_TOKENS) {
    losses.add('reasoning-effort', '/reasoning');
    return off;
  }
  let budget = Math.max(MIN_BUDGET_TOKENS, budgetOf(reasoning, limit));
  if (budget !== reasoning.budgetTokens && reasoning.budgetTokens !== undefined)
    losses.add('reasoning-effort', '/reasoning');
  if (budget >= limit) {
    losses.add('reasoning-effort', '/reasoning');
    budget = Math.max(MIN_BUDGET_TOKENS, Math.floor(limit * LOWERED_SHARE));
  }
  return { config: { type: 'enabled', budget_tokens: budget }, effort: undefined, maxTokens: limit, on: true };
}

/** These models count no budget: the nearest word stands for it. */
function adaptiveEffort(reasoning: Reasoning, losses: LossList): string | undefined {
  const { effort, budgetTokens } = reasoning;
  if (effort === 'minimal' || budgetTokens !== undefined) losses.add('reasoning-effort', '/reasoning');
  return effort === 'high' || effort === 'xhigh' || effort === 'max' ? effort : effortOf(reasoning);
}

/** A limit that we added grows by the budget, up to what the model can put out. */
function roomFor(reasoning: Reasoning, target: EncodeTarget, maxTokens: number): number {
  const wanted = maxTokens + (reasoning.budgetTokens ?? 0);
  return Math.max(maxTokens, Math.min(wanted, target.facts.outputTokens ?? wanted));
}

/** The assistant's turns since the last plain question: one of them must carry its thinking if tools are being used. */
function loopLacksThinking(turns: readonly Turn[], isSigned: (part: Part) => boolean): boolean {
  let usesTools = false;
  for (let at = turns.length - 1; at >= 0; at--) {
    const turn = turns[at];
    if (turn === undefined) break;
    if (turn.role === 'user') {
      if (!turn.parts.some(({ kind }) => kind === 'tool-result')) break;
      continue;
    }
    if (turn.parts.some(isSigned)) return false;
    if (turn.parts.some(({ kind }) => kind === 'tool-call')) usesTools = true;
  }
  return usesTools;
}

/** Opaque reasoning that this dialect made and this target may have back. */
export function ownOpaque(part: Part, dialect: Opaque['dialect'], target: EncodeTarget): Opaque | undefined {
  if (part.kind !== 'reasoning' || !target.mayUseOpaque) return undefined;
  return part.opaque?.dialect === dialect && part.opaque.form !== 'encrypted' ? part.opaque : undefined;
}

export interface Sampling {
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
}

/** Beside thinking only a temperature of 1 and a top_p from 0.95 are allowed (extended thinking, feature compatibility). */
const THINKING_TOP_P = 0.95;

/** Sampling as Claude takes it: temperature up to 1, not together with top_p. */
export function claudeSampling(
  request: HubRequest,
  target: EncodeTarget,
  thinking: boolean,
  losses: LossList,
): Sampling {
  let { temperature, topP, topK } = request;
  if (temperature !== undefined && temperature > 1) {
    losses.add('temperature', '/temperature');
    temperature = 1;
  }
  if (temperature !== undefined && (target.facts.temperature === false || (thinking && temperature !== 1))) {
    losses.add('temperature', '/temperature');
    temperature = undefined;
  }
  const unfitTopP = target.facts.temperature === false || (thinking && topP !== undefined && topP < THINKING_TOP_P);
  if (topP !== undefined && (unfitTopP || temperature !== undefined)) {
    losses.add('top-p', '/top_p');
    topP = undefined;
  }
  if (topK !== undefined && (target.facts.temperature === false || thinking)) {
    losses.add('top-k', '/top_k');
    topK = undefined;
  }
  return { temperature, topP, topK };
}
