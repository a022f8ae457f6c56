// SPDX-License-Identifier: Apache-2.0
// Sampling, limits, output format and thinking as generationConfig.

import type { EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Reasoning } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { budgetOf } from '../../hub/reasoning.ts';
import { generationOf } from './wire.ts';

type Config = Readonly<Record<string, unknown>>;

/** Google's bound on stop sequences. */
const MAX_STOPS = 5;
/** Gemini 2.5's largest thinking budgets, from its model pages. The Pro model cannot stop thinking: its least is 128. */
const MAX_BUDGET = 24_576;
const MAX_BUDGET_PRO = 32_768;
const MIN_BUDGET_PRO = 128;

export function encodeConfig(request: HubRequest, target: EncodeTarget, losses: LossList): Config {
  const sampling = target.facts.temperature !== false;
  if (!sampling && request.temperature !== undefined) losses.add('temperature', '/temperature');
  if (!sampling && request.topP !== undefined) losses.add('top-p', '/topP');
  if (request.stop.length > MAX_STOPS) losses.add('stop-sequences', '/stop');
  const thinking = encodeThinking(request, target, losses);
  const output = encodeOutput(request, target, losses);
  const config: Record<string, unknown> = {
    temperature: sampling ? request.temperature : undefined,
    topP: sampling ? request.topP : undefined,
    topK: request.topK,
    maxOutputTokens: maxTokens(request, target, losses),
    stopSequences: request.stop.length === 0 ? undefined : request.stop.slice(0, MAX_STOPS),
    seed: request.seed,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    ...output,
    thinkingConfig: thinking,
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

function maxTokens(request: HubRequest, { facts }: EncodeTarget, losses: LossList): number | undefined {
  const asked = request.maxOutputTokens;
  if (asked === undefined || facts.outputTokens === undefined || asked <= facts.outputTokens) return asked;
  losses.add('max-tokens-lowered', '/maxOutputTokens');
  return facts.outputTokens;
}

function encodeOutput(request: HubRequest, { facts, quirks, model }: EncodeTarget, losses: LossList): Config {
  const { output } = request;
  if (output === undefined) return {};
  const native = facts.jsonSchema !== false && (quirks.jsonSchema ?? 'native') === 'native';
  // Before its third generation Gemini answers 400 to tools together with a JSON answer.
  const withTools = request.tools.length > 0 && request.toolChoice?.kind !== 'none';
  if ((output.kind === 'json-schema' && !native) || (withTools && (generationOf(model) ?? 3) < 3)) {
    losses.add('no-json-schema', '/output');
    return {};
  }
  return {
    responseMimeType: 'application/json',
    ...(output.kind === 'json-schema' ? { responseJsonSchema: output.schema } : {}),
  };
}

/** Generation 3 takes a word; those before, and names that do not tell, take a budget (3 takes one as well). */
function encodeThinking(request: HubRequest, target: EncodeTarget, losses: LossList): Config | undefined {
  const { reasoning } = request;
  if (reasoning === undefined) return undefined;
  if (target.facts.reasoning === false) {
    if (reasoning.effort !== 'none') losses.add('reasoning-unsupported', '/reasoning');
    return undefined;
  }
  const shown = reasoning.visible === undefined ? {} : { includeThoughts: reasoning.visible };
  if (reasoning.effort === undefined && reasoning.budgetTokens === undefined) {
    return reasoning.visible === undefined ? undefined : shown;
  }
  if ((generationOf(target.model) ?? 0) >= 3 && reasoning.effort !== undefined) {
    return { thinkingLevel: levelOf(reasoning.effort, target.model, losses), ...shown };
  }
  return { thinkingBudget: budgetFor(reasoning, request, target, losses), ...shown };
}

function levelOf(effort: NonNullable<Reasoning['effort']>, model: string, losses: LossList): string {
  const least = model.includes('pro') ? 'LOW' : 'MINIMAL';
  switch (effort) {
    case 'none':
      losses.add('reasoning-effort', '/reasoning');
      return least;
    case 'minimal':
      if (least !== 'MINIMAL') losses.add('reasoning-effort', '/reasoning');
      return least;
    case 'low':
      return 'LOW';
    case 'medium':
      return 'MEDIUM';
    case 'high':
      return 'HIGH';
    case 'xhigh':
    case 'max':
      losses.add('reasoning-effort', '/reasoning');
      return 'HIGH';
  }
}

function budgetFor(reasoning: Reasoning, request: HubRequest, target: EncodeTarget, losses: LossList): number {
  const pro = target.model.includes('pro');
  if (reasoning.effort === 'none') {
    if (!pro) return 0;
    losses.add('reasoning-effort', '/reasoning');
    return MIN_BUDGET_PRO;
  }
  const limit = request.maxOutputTokens ?? target.facts.outputTokens ?? target.defaultMaxTokens;
  const wanted = budgetOf(reasoning, limit);
  const most = pro ? MAX_BUDGET_PRO : MAX_BUDGET;
  if (reasoning.budgetTokens !== undefined && wanted > most) losses.add('reasoning-effort', '/reasoning');
  return Math.min(wanted, most);
}
