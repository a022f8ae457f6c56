// SPDX-License-Identifier: Apache-2.0
// How long an attempt may take to its first content (a whole answer: to its end). Pure. Milliseconds.

import type { ProviderTuning } from '../policy/policy.ts';
import type { RunInput } from './routing.ts';

export interface PatienceInput {
  readonly input: Pick<RunInput, 'tuning' | 'stream' | 'promptTokens'>;
  /** Is the target's model expected to think before its first word? */
  readonly reasoning: boolean;
  readonly provider: ProviderTuning;
  readonly probe: boolean;
  /** Another target could take the call at once. */
  readonly alternative: boolean;
  /** 95th percentile of this target's own first-content times; undefined: too few are known. */
  readonly p95: number | undefined;
}

/**
 * A model that thinks, and a whole answer, are legitimately silent for longer than a probe's 8 s: held to that, such a call could
 * never close a breaker. Their probes are held to the target's own past, or to the time of a thinking model.
 *
 * Of a whole answer nothing tells a dead provider from a long one: while another could give it, it has the time of a thinking model,
 * whatever the model is (2 minutes of generation are some 10,000 tokens). The last that can give it has `total`.
 */
export function firstContentMs({ input, reasoning, provider, probe, alternative, p95 }: PatienceInput): number {
  const { timeouts } = input.tuning;
  const tokens = Number.isFinite(input.promptTokens) ? Math.max(input.promptTokens, 0) : 0;
  const forPrompt = (tokens / 10_000) * timeouts.perTenThousandTokens;
  if (!input.stream) {
    const bounded = Math.round(Math.min(timeouts.total, timeouts.reasoningFirstContent + forPrompt));
    return probe || alternative ? bounded : timeouts.total;
  }
  const plain = (reasoning ? timeouts.reasoningFirstContent : timeouts.firstContent) + forPrompt;
  const probing = provider.breaker.probeFirstContent + forPrompt;
  if (probe && !reasoning) return Math.round(Math.min(plain, probing));
  if (!alternative || p95 === undefined) return Math.round(plain);
  // Never below what a probe is given: a cold cache or a long prompt is slow, not sick.
  return Math.round(Math.min(plain, Math.max(timeouts.suspectFactor * p95 + forPrompt, probing)));
}
