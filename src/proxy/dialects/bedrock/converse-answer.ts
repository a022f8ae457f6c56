// SPDX-License-Identifier: Apache-2.0
// What Bedrock's Converse events and documents mean. Amazon's own models use the same shapes behind InvokeModel.

import type { StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, hasContent, sum, type Values } from '../json/values.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';

export const CONVERSE_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-use'],
  ['guardrail_intervened', 'content-filter'],
  ['content_filtered', 'content-filter'],
  ['malformed_model_output', 'error'],
  ['malformed_tool_use', 'error'],
]);

export function converseInterpreter(): Interpreter {
  let stopped = false;
  return {
    event(value, into, name) {
      const event = asObject(value);
      if (event === undefined) return false;
      switch (name) {
        case 'messageStart':
        case 'contentBlockStop':
          return true;
        case 'contentBlockStart': {
          const start = asObject(event['start']);
          if (hasContent(asObject(start?.['toolUse'])?.['name'])) into.piece();
          return true;
        }
        case 'contentBlockDelta':
          if (isContentDelta(asObject(event['delta']))) into.piece();
          return true;
        case 'messageStop':
          into.stopped(event['stopReason'], CONVERSE_STOPS);
          stopped = true;
          return true;
        case 'metadata':
          readUsage(event['usage'], into);
          if (stopped) into.finish();
          return true;
        default:
          return false;
      }
    },
    ended(into) {
      if (stopped) into.finish(); // usage got lost, the answer did not
    },
    document(value, into) {
      const body = asObject(value);
      const message = asObject(asObject(body?.['output'])?.['message']);
      if (body === undefined || message === undefined) return false;
      for (const block of asArray(message['content'])) if (hasContent(block)) into.piece();
      into.stopped(body['stopReason'], CONVERSE_STOPS);
      readUsage(body['usage'], into);
      return into.conclude();
    },
  };
}

function readUsage(value: unknown, into: AnswerState): void {
  const usage = converseUsage(value);
  if (usage !== undefined) into.usage(usage);
}

function isContentDelta(delta: Values | undefined): boolean {
  if (delta === undefined) return false;
  const reasoning = asObject(delta['reasoningContent']);
  return (
    hasContent(delta['text']) ||
    hasContent(asObject(delta['toolUse'])?.['input']) ||
    hasContent(reasoning?.['text']) ||
    hasContent(reasoning?.['signature']) ||
    hasContent(reasoning?.['redactedContent']) ||
    hasContent(delta['citation']) ||
    hasContent(delta['image'])
  );
}

/** `inputTokens` leaves out what the cache gave or took (Bedrock user guide, prompt caching). */
export function converseUsage(value: unknown): Partial<Usage> | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const cacheRead = asCount(usage['cacheReadInputTokens']) ?? asCount(usage['cacheReadInputTokenCount']);
  const cacheWrite = asCount(usage['cacheWriteInputTokens']) ?? asCount(usage['cacheWriteInputTokenCount']);
  return {
    input: sum(asCount(usage['inputTokens']), cacheRead, cacheWrite),
    output: asCount(usage['outputTokens']),
    cacheRead,
    cacheWrite,
  };
}
