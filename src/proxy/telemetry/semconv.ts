// SPDX-License-Identifier: Apache-2.0
// The semantic conventions of src/contract/gen-ai.ts as the daemon uses them: with its own types, and the client's metrics. Must not know
// how spans and metrics are encoded.

import { ATTRIBUTE, FINISH_REASONS, operationName as nameOf } from '../../contract/gen-ai.ts';
import type { DialectId, Operation, StopClass } from '../dialects/dialect.ts';
import { DURATION_BOUNDS, type MetricInfo } from './catalogue.ts';

export { ATTRIBUTE, providerName, SCHEMA_URL } from '../../contract/gen-ai.ts';

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

export function operationName(operation: Operation | undefined, dialect: DialectId | undefined): string {
  return nameOf(operation, dialect);
}

export function finishReason(stop: StopClass): string {
  return FINISH_REASONS[stop];
}
