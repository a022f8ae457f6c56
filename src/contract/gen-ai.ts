// SPDX-License-Identifier: Apache-2.0
// The one table from our words to OpenTelemetry's semantic conventions for generative AI, for what devices and the control plane send. A
// new version of them changes this file and no other. Knows nothing of how records are encoded.
//
// Source: docs/gen-ai of open-telemetry/semantic-conventions-genai, where the conventions live since they left the core repository;
// schema 1.42.0, status "development". Time to first chunk is the client's metric: `gen_ai.server.*` is for model servers.

export const SCHEMA_URL = 'https://opentelemetry.io/schemas/gen-ai/1.42.0';

/** Attribute names. Those that the conventions lack are under `outpost.`. */
export const ATTRIBUTE = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  requestStream: 'gen_ai.request.stream',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cacheReadTokens: 'gen_ai.usage.cache_read.input_tokens',
  cacheWriteTokens: 'gen_ai.usage.cache_creation.input_tokens',
  reasoningTokens: 'gen_ai.usage.reasoning.output_tokens',
  tokenType: 'gen_ai.token.type',
  errorType: 'error.type',
  httpStatus: 'http.response.status_code',
  serviceName: 'service.name',
  serviceVersion: 'service.version',
  serviceInstance: 'service.instance.id',
  request: 'outpost.request.id',
  decision: 'outpost.decision.id',
  entrance: 'outpost.entrance',
  app: 'outpost.app',
  route: 'outpost.route',
  result: 'outpost.result',
  errorCode: 'outpost.error.code',
  overhead: 'outpost.overhead',
  providerName: 'outpost.provider',
  attempt: 'outpost.attempt',
  key: 'outpost.key',
  probe: 'outpost.probe',
  retry: 'outpost.retry',
  possiblyBilled: 'outpost.possibly_billed',
  usageEstimated: 'outpost.usage.estimated',
  losses: 'outpost.losses',
  upstreamRequest: 'outpost.upstream.request.id',
} as const;

/** Provider types that the conventions call otherwise; all others keep our name, as a custom value. */
const PROVIDER_NAMES: ReadonlyMap<string, string> = new Map([
  ['azure', 'azure.ai.openai'],
  ['bedrock', 'aws.bedrock'],
  ['gemini', 'gcp.gemini'],
  ['vertex', 'gcp.vertex_ai'],
  ['mistral', 'mistral_ai'],
  ['xai', 'x_ai'],
]);

export function providerName(type: string): string {
  return PROVIDER_NAMES.get(type) ?? type;
}

/** `unknown` and `count_tokens` are custom values. Operation and dialect as rows have them. */
export function operationName(operation: string | undefined, dialect: string | undefined): string {
  if (operation === undefined) return 'unknown';
  if (operation === 'embed') return 'embeddings';
  if (operation === 'count-tokens') return 'count_tokens';
  if (dialect === 'gemini') return 'generate_content';
  return dialect === 'openai-completions' ? 'text_completion' : 'chat';
}

/** By the class of a stop, as rows have it. */
export const FINISH_REASONS = {
  stop: 'stop',
  length: 'length',
  'tool-use': 'tool_call',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
  pause: 'pause',
  error: 'error',
  other: 'other',
} as const;
