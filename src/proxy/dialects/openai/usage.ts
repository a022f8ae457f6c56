// SPDX-License-Identifier: Apache-2.0
// Token counts as OpenAI and the hosts that imitate it report them.

import type { Usage } from '../dialect.ts';
import { asCount, asObject, sum } from '../json/values.ts';

/** Both spellings: `prompt_tokens` (chat, completions, embeddings) and `input_tokens` (Responses). */
export function openaiUsage(value: unknown): Partial<Usage> | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const inputDetails = asObject(usage['prompt_tokens_details']) ?? asObject(usage['input_tokens_details']);
  const outputDetails = asObject(usage['completion_tokens_details']) ?? asObject(usage['output_tokens_details']);
  const input = asCount(usage['prompt_tokens']) ?? asCount(usage['input_tokens']);
  const reported = asCount(usage['completion_tokens']) ?? asCount(usage['output_tokens']);
  const reasoning = asCount(outputDetails?.['reasoning_tokens']) ?? asCount(usage['reasoning_tokens']);
  const total = asCount(usage['total_tokens']);
  // xAI counts reasoning beside the completion; its total gives it away.
  const separate =
    total !== undefined && reasoning !== undefined && reasoning > 0 && total === sum(input, reported, reasoning);
  return {
    input,
    output: separate ? sum(reported, reasoning) : reported,
    // DeepSeek has its own word for cached input.
    cacheRead: asCount(inputDetails?.['cached_tokens']) ?? asCount(usage['prompt_cache_hit_tokens']),
    cacheWrite: asCount(inputDetails?.['cache_write_tokens']),
    reasoning,
  };
}
