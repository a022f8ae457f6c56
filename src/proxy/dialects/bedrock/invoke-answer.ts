// SPDX-License-Identifier: Apache-2.0
// What InvokeModel answers mean. The body is the model family's own: Anthropic's is known exactly; of the others the text, the
// stop word and the counts are found where their vendors put them, the rest comes from Bedrock's metrics and headers.

import { anthropicInterpreter } from '../anthropic/answer.ts';
import type { AnswerHead, StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, asString, hasContent, parseValue, sum, type Values } from '../json/values.ts';
import { CHAT_STOPS } from '../openai/chat.ts';
import { choicesInterpreter } from '../openai/choices.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { converseInterpreter } from './converse-answer.ts';

const METRICS = 'amazon-bedrock-invocationMetrics';

/** Stop words of Titan, Llama, Mistral text, Cohere Command and Jamba. */
const STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['FINISH', 'stop'],
  ['FINISHED', 'stop'],
  ['COMPLETE', 'stop'],
  ['stop', 'stop'],
  ['endoftext', 'stop'],
  ['LENGTH', 'length'],
  ['length', 'length'],
  ['MAX_TOKENS', 'length'],
  ['CONTENT_FILTERED', 'content-filter'],
  ['RAG_QUERY_WHEN_RAG_DISABLED', 'other'],
  ['ERROR', 'error'],
  ['ERROR_TOXIC', 'content-filter'],
]);

const TEXT_MEMBERS = [
  'outputText',
  'generation',
  'text',
  'completion',
  'outputs',
  'results',
  'generations',
  'completions',
];

export function invokeInterpreter(head: AnswerHead): Interpreter {
  const anthropic = anthropicInterpreter();
  const other = otherInterpreter();
  return {
    event(value, into) {
      const bytes = asString(asObject(value)?.['bytes']);
      if (bytes === undefined) return false;
      const event = parseValue(Buffer.from(bytes, 'base64').toString('utf8'));
      if (anthropic.event(event, into, '')) return true;
      const known = other.event(event, into, '');
      const metrics = asObject(asObject(event)?.[METRICS]);
      if (metrics === undefined) return known;
      into.usage(metricsUsage(metrics));
      into.finish(); // the metrics ride on the last chunk
      return true;
    },
    document(value, into) {
      into.usage(headerUsage(head));
      return anthropic.document(value, into) || other.document(value, into);
    },
  };
}

function otherInterpreter(): Interpreter {
  const choices = choicesInterpreter(CHAT_STOPS);
  const converse = converseInterpreter();
  return {
    event(value, into) {
      const body = asObject(value);
      if (body === undefined) return false;
      if (Array.isArray(body['choices'])) return choices.event(body, into, '');
      // Nova: Converse events, each wrapped under its name.
      for (const name of Object.keys(body)) if (converse.event(body[name], into, name)) return true;
      return readText(body, into);
    },
    document(value, into) {
      const body = asObject(value);
      if (body === undefined) return false;
      if (Array.isArray(body['choices'])) return choices.document(body, into);
      if (converse.document(body, into)) return true;
      if (!readText(body, into)) return false;
      if (textMember(body) !== undefined) return into.conclude();
      into.finish(); // embeddings of a family that the path does not name have counts and no text
      return true;
    },
  };
}

function textMember(body: Values): string | undefined {
  return TEXT_MEMBERS.find((member) => body[member] !== undefined);
}

function readText(body: Values, into: AnswerState): boolean {
  const text = textMember(body);
  if (text !== undefined && hasContent(body[text])) into.piece();
  const first = asObject(asArray(body['outputs'] ?? body['results'] ?? body['generations'])[0]);
  const stop =
    body['completionReason'] ??
    body['stop_reason'] ??
    body['finish_reason'] ??
    first?.['completionReason'] ??
    first?.['stop_reason'] ??
    first?.['finish_reason'];
  into.stopped(stop, STOPS);
  const usage: Partial<Usage> = {
    input: asCount(body['inputTextTokenCount']) ?? asCount(body['prompt_token_count']),
    output:
      asCount(body['totalOutputTextTokenCount']) ??
      asCount(body['generation_token_count']) ??
      asCount(first?.['tokenCount']),
  };
  into.usage(usage);
  return text !== undefined || typeof stop === 'string' || usage.input !== undefined;
}

function metricsUsage(metrics: Values): Partial<Usage> {
  const cacheRead = asCount(metrics['cacheReadInputTokenCount']);
  const cacheWrite = asCount(metrics['cacheWriteInputTokenCount']);
  return {
    input: sum(asCount(metrics['inputTokenCount']), cacheRead, cacheWrite),
    output: asCount(metrics['outputTokenCount']),
    cacheRead,
    cacheWrite,
  };
}

/** Bedrock's own counts, for every family (`x-amzn-bedrock-…-token-count`). */
export function headerUsage(head: AnswerHead): Partial<Usage> {
  const count = (name: string) => {
    const value = head.header?.(`x-amzn-bedrock-${name}-token-count`);
    return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const cacheRead = count('cache-read-input');
  const cacheWrite = count('cache-write-input');
  return { input: sum(count('input'), cacheRead, cacheWrite), output: count('output'), cacheRead, cacheWrite };
}
