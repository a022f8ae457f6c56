// SPDX-License-Identifier: Apache-2.0
// The one table from our words to OpenTelemetry's semantic conventions for generative AI. A new version of them changes this file and
// no other. Must not know how spans and metrics are encoded.
//
// Source: docs/gen-ai of open-telemetry/semantic-conventions-genai, where the conventions live since they left the core repository;
// schema 1.42.0, status "development". Time to first chunk is the client's metric: `gen_ai.server.*` is for model servers.

import type { DialectId, Operation, StopClass } from '../dialects/dialect.ts';
import { DURATION_BOUNDS, type MetricInfo } from './catalogue.ts';

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

const LABELS = [ATTRIBUTE.operation, ATTRIBUTE.provider, ATTRIBUTE.requestModel, ATTRIBUTE.responseModel] as const;

function histogram<const L extends readonly string[]>(
  name: string,
  unit: 's' | '{token}',
  labels: L,
  help: string,
  bounds: readonly number[],
): MetricInfo<L> {
  return { name: `gen_ai.client.${name}`, type: 'histogram', unit, labels, help, bounds };
}

/** Token boundaries that the conventions give: powers of four. */
const TOKEN_BOUNDS = Array.from({ length: 14 }, (_, i) => 4 ** i);

export const GEN_AI_METRICS = {
  duration: histogram(
    'operation.duration',
    's',
    [...LABELS, ATTRIBUTE.errorType],
    'GenAI operation duration.',
    DURATION_BOUNDS,
  ),
  timeToFirstChunk: histogram(
    'operation.time_to_first_chunk',
    's',
    LABELS,
    'Time to receive the first chunk of a streamed answer.',
    DURATION_BOUNDS,
  ),
  timePerChunk: histogram(
    'operation.time_per_output_chunk',
    's',
    LABELS,
    'Time per output chunk after the first one; each with the mean of its answer.',
    DURATION_BOUNDS,
  ),
  tokenUsage: histogram(
    'token.usage',
    '{token}',
    [...LABELS, ATTRIBUTE.tokenType],
    'Number of input and output tokens used.',
    TOKEN_BOUNDS,
  ),
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

/** `unknown` and `count_tokens` are custom values. */
export function operationName(operation: Operation | undefined, dialect: DialectId | undefined): string {
  if (operation === undefined) return 'unknown';
  if (operation === 'embed') return 'embeddings';
  if (operation === 'count-tokens') return 'count_tokens';
  if (dialect === 'gemini') return 'generate_content';
  return dialect === 'openai-completions' ? 'text_completion' : 'chat';
}

const FINISH_REASONS: Readonly<Record<StopClass, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-use': 'tool_call',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
  pause: 'pause',
  error: 'error',
  other: 'other',
};

export function finishReason(stop: StopClass): string {
  return FINISH_REASONS[stop];
}
