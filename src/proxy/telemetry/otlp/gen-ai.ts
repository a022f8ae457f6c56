// SPDX-License-Identifier: Apache-2.0
// Owns the client metrics of the GenAI conventions: one operation for each attempt at a provider. Exists only while metrics are exported.

import type { ExchangeReport } from '../../exchange/report.ts';
import { errorTypeOfAttempt } from '../error-type.ts';
import { meanGapMs } from '../instruments.ts';
import { BoundedNames, Metric } from '../registry.ts';
import { GEN_AI_METRICS, operationName, providerName } from '../semconv.ts';

const MAX_MODELS = 96;
/** More in one answer is no count of tokens. */
const MAX_TOKENS = 1e9;

export function createGenAiMetrics(): { readonly all: readonly Metric[]; observe(report: ExchangeReport): void } {
  const duration = new Metric(GEN_AI_METRICS.duration);
  const timeToFirstChunk = new Metric(GEN_AI_METRICS.timeToFirstChunk);
  const timePerChunk = new Metric(GEN_AI_METRICS.timePerChunk);
  const tokenUsage = new Metric(GEN_AI_METRICS.tokenUsage);
  const models = new BoundedNames(MAX_MODELS);
  return {
    all: [duration, timeToFirstChunk, timePerChunk, tokenUsage],
    observe(report) {
      for (const attempt of report.attempts) {
        const labels = [
          operationName(report.operation, attempt.dialect ?? report.dialect),
          providerName(attempt.providerType),
          models.of(attempt.model),
          models.of(attempt.answerModel),
        ] as const;
        const { startedAt, firstContentAt, endedAt, usage } = attempt;
        duration.observe([...labels, errorTypeOfAttempt(attempt) ?? ''], (endedAt - startedAt) / 1000);
        if (report.stream && firstContentAt !== undefined) {
          timeToFirstChunk.observe(labels, (firstContentAt - startedAt) / 1000);
          const gap = meanGapMs(attempt);
          if (gap !== undefined) timePerChunk.observe(labels, gap / 1000, attempt.deltas - 1);
        }
        for (const [type, count] of [
          ['input', usage?.input],
          ['output', usage?.output],
        ] as const) {
          if (count !== undefined && count >= 0 && count <= MAX_TOKENS) tokenUsage.observe([...labels, type], count);
        }
      }
    },
  };
}
