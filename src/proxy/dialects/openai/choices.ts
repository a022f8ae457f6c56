// SPDX-License-Identifier: Apache-2.0
// Reads answers that are lists of choices: chat completions and legacy completions, whole and streamed.

import { asArray, asObject, hasContent, type Values } from '../json/values.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState, StopWords } from '../shared/answer-state.ts';
import { classifyError } from '../shared/error-class.ts';
import { openaiUsage } from './usage.ts';

/** Choices whose end is followed one by one (the API allows 128). */
const MAX_CHOICES = 128;

/** Members of a delta or message that are generated text, over all hosts (DeepSeek, OpenRouter, Groq, Mistral lists). */
const PIECES = ['content', 'reasoning_content', 'reasoning', 'reasoning_details', 'thinking', 'audio'] as const;

export function choicesInterpreter(stops: StopWords): Interpreter {
  const open = new Set<number>();
  const ended = new Set<number>();

  function choice(value: Values, into: AnswerState): void {
    const index = typeof value['index'] === 'number' ? value['index'] : 0;
    if (!ended.has(index) && open.size < MAX_CHOICES) open.add(index);
    const part = asObject(value['delta']) ?? asObject(value['message']);
    if (part !== undefined) readPart(part, into);
    if (hasContent(value['text'])) into.piece();
    const reason = value['finish_reason'];
    if (typeof reason !== 'string' || reason === '') return;
    into.stopped(reason, stops);
    if (stops.get(reason) === 'error') into.fail({ class: 'server', code: reason });
    open.delete(index);
    if (ended.size < MAX_CHOICES) ended.add(index);
  }

  function chunk(value: unknown, into: AnswerState): boolean {
    const body = asObject(value);
    if (body === undefined) return false;
    into.model(body['model']);
    into.responseId(body['id']);
    const usage = openaiUsage(body['usage']) ?? openaiUsage(asObject(body['x_groq'])?.['usage']);
    if (usage !== undefined) into.usage(usage);
    const error = body['error'] ?? asObject(body['x_groq'])?.['error'];
    if (error !== undefined && error !== null) {
      into.fail(classifyError({ error }, undefined));
      return true;
    }
    for (const item of asArray(body['choices'])) {
      const one = asObject(item);
      if (one === undefined) continue;
      // OpenRouter reports a provider's failure inside the choice.
      if (hasContent(one['error'])) into.fail(classifyError({ error: one['error'] }, undefined));
      choice(one, into);
    }
    // Some hosts say null for an empty list.
    return Array.isArray(body['choices']) || body['choices'] === null || usage !== undefined;
  }

  return {
    event(value, into) {
      const known = chunk(value, into);
      if (ended.size > 0 && open.size === 0) into.finish();
      return known;
    },
    document(value, into) {
      return chunk(value, into) && into.conclude();
    },
  };
}

function readPart(part: Values, into: AnswerState): void {
  if (hasContent(part['refusal'])) into.refusal();
  for (const member of PIECES) {
    if (hasContent(part[member])) {
      into.piece();
      break;
    }
  }
  for (const call of asArray(part['tool_calls'])) readCall(asObject(call), into);
  readCall(asObject(part['function_call']), into);
}

/** A call counts from its name on; the id alone says nothing yet. */
function readCall(call: Values | undefined, into: AnswerState): void {
  if (call === undefined) return;
  const inner = asObject(call['function']) ?? asObject(call['custom']) ?? call;
  if (hasContent(inner['name']) || hasContent(inner['arguments']) || hasContent(inner['input'])) into.piece();
}
