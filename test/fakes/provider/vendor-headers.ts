// SPDX-License-Identifier: Apache-2.0
// Rate-limit and identity headers as OpenAI and Anthropic send them. Pure.

export function openaiHeaders(requestId: string): readonly string[] {
  return [
    'x-request-id',
    requestId,
    'openai-organization',
    'org-simulated',
    'openai-processing-ms',
    '12',
    'openai-version',
    '2020-10-01',
    'x-ratelimit-limit-requests',
    '10000',
    'x-ratelimit-limit-tokens',
    '200000',
    'x-ratelimit-remaining-requests',
    '9999',
    'x-ratelimit-remaining-tokens',
    '199990',
    'x-ratelimit-reset-requests',
    '6ms',
    'x-ratelimit-reset-tokens',
    '3ms',
  ];
}

export function anthropicHeaders(requestId: string, nowMs: number): readonly string[] {
  const reset = new Date(nowMs + 60_000).toISOString();
  const counters = ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((name) => [
    `anthropic-ratelimit-${name}-limit`,
    '4000',
    `anthropic-ratelimit-${name}-remaining`,
    '3999',
    `anthropic-ratelimit-${name}-reset`,
    reset,
  ]);
  return ['request-id', requestId, 'anthropic-organization-id', 'org-simulated', ...counters];
}
