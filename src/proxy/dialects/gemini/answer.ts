// SPDX-License-Identifier: Apache-2.0
// What Gemini's chunks and documents mean: Gemini API, Vertex, and Code Assist, which wraps each into `response`.

import type { StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, asString, hasContent, sum, type Values } from '../json/values.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { classifyError } from '../shared/error-class.ts';

export const GEMINI_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ...(
    'SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT ' +
    'IMAGE_RECITATION MODEL_ARMOR'
  )
    .split(' ')
    .map((word): [string, StopClass] => [word, 'content-filter']),
  ['MALFORMED_FUNCTION_CALL', 'error'],
  ['UNEXPECTED_TOOL_CALL', 'error'],
  ['TOO_MANY_TOOL_CALLS', 'error'],
  ['MALFORMED_RESPONSE', 'error'],
]);

/** Members of a part that carry no output of their own. */
const SILENT_MEMBERS: ReadonlySet<string> = new Set(['thought', 'thoughtSignature', 'text', 'partMetadata']);
const MAX_CANDIDATES = 64;

export function geminiInterpreter(): Interpreter {
  const open = new Set<number>();
  const ended = new Set<number>();
  let called = false;
  /** Google has judged the prompt: that is an answer, with or without candidates. */
  let told = false;

  function candidate(value: Values, into: AnswerState): void {
    const index = typeof value['index'] === 'number' ? value['index'] : 0;
    if (!ended.has(index) && open.size < MAX_CANDIDATES) open.add(index);
    for (const item of asArray(asObject(value['content'])?.['parts'])) {
      const part = asObject(item);
      if (part === undefined) continue;
      if (hasContent(part['functionCall'])) called = true;
      if (hasContent(part['text']) || Object.keys(part).some((key) => !SILENT_MEMBERS.has(key))) into.piece();
    }
    const reason = value['finishReason'];
    if (typeof reason !== 'string' || reason === '' || reason === 'FINISH_REASON_UNSPECIFIED') return;
    into.stopped(reason, GEMINI_STOPS);
    open.delete(index);
    if (ended.size < MAX_CANDIDATES) ended.add(index);
  }

  function chunk(value: unknown, into: AnswerState): boolean {
    const outer = asObject(Array.isArray(value) ? value[0] : value);
    const body = asObject(outer?.['response']) ?? outer;
    if (body === undefined) return false;
    if (body['error'] !== undefined && body['error'] !== null) {
      into.fail(classifyError(body, undefined));
      return true;
    }
    into.model(body['modelVersion']);
    into.responseId(body['responseId'] ?? outer?.['traceId']);
    const usage = geminiUsage(body['usageMetadata']);
    if (usage !== undefined) into.usage(usage);
    for (const item of asArray(body['candidates'])) {
      const one = asObject(item);
      if (one !== undefined) candidate(one, into);
    }
    const feedback = asObject(body['promptFeedback']);
    told ||= feedback !== undefined;
    const blockReason = asString(feedback?.['blockReason']) ?? '';
    const blocked = blockReason !== '';
    if (blocked) into.stopped(blockReason, new Map([[blockReason, 'content-filter']]));
    if (called) into.refineStop('tool-use');
    if (blocked || (ended.size > 0 && open.size === 0)) into.finish();
    return (
      Array.isArray(body['candidates']) ||
      usage !== undefined ||
      feedback !== undefined ||
      asString(body['modelVersion']) !== undefined
    );
  }

  return {
    event: chunk,
    document(value, into) {
      // The array form of a streamed answer, read whole.
      const parts = Array.isArray(value) ? value : [value];
      let known = false;
      for (const part of parts) known = chunk(part, into) || known;
      if (told) into.finish();
      return known && (told || into.conclude());
    },
  };
}

/** Thoughts stand beside the candidates' tokens, cached tokens inside the prompt's, tool prompts beside them. */
export function geminiUsage(value: unknown): Partial<Usage> | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const reasoning = asCount(usage['thoughtsTokenCount']);
  return {
    input: sum(asCount(usage['promptTokenCount']), asCount(usage['toolUsePromptTokenCount'])),
    output: sum(asCount(usage['candidatesTokenCount']), reasoning),
    cacheRead: asCount(usage['cachedContentTokenCount']),
    reasoning,
  };
}
