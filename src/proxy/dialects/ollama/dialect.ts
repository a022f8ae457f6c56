// SPDX-License-Identifier: Apache-2.0
// Ollama's own API: chat, generate, embed. Streams unless told not to, as newline-delimited JSON.

import type { Dialect, StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, hasContent, type Values } from '../json/values.ts';
import { chatMessageSpans } from '../openai/chat.ts';
import { createReader, type Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { jsonErrorAnswer } from '../shared/error-answer.ts';
import { classifyError } from '../shared/error-class.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, toolNames } from '../shared/request-facts.ts';

export const OLLAMA_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['stop', 'stop'],
  ['load', 'stop'],
  ['unload', 'stop'],
  ['length', 'length'],
]);

const shape: RequestShape = {
  streamsByDefault: true,
  read(root) {
    const messages = root.get('messages')?.length;
    const input = root.get('input') ?? root.get('prompt');
    return {
      understood: messages !== undefined || input?.isString === true || input?.isArray === true,
      model: root.get('model'),
      stream: root.get('stream')?.isFalse !== true,
      messageCount: messages,
      tools: toolNames(root.get('tools')),
    };
  },
  spans(root, out) {
    chatMessageSpans(root.get('messages'), '/messages', out);
    out.string('system', '/system', root.get('system'));
    out.content('user', '/prompt', root.get('prompt'));
    out.string('user', '/suffix', root.get('suffix'));
    out.content('user', '/input', root.get('input'));
  },
};

function interpreter(): Interpreter {
  let called = false;
  const read = (value: unknown, into: AnswerState): boolean => {
    const body = asObject(value);
    if (body === undefined) return false;
    if (hasContent(body['error'])) {
      into.fail(classifyError(body, undefined));
      return true;
    }
    into.model(body['model']);
    const message = asObject(body['message']) ?? body;
    if (hasContent(message['content']) || hasContent(message['thinking']) || hasContent(body['response'])) into.piece();
    for (const call of asArray(message['tool_calls'])) {
      if (!hasContent(asObject(asObject(call)?.['function'])?.['name'])) continue;
      called = true;
      into.piece();
    }
    if (body['done'] === true) {
      into.stopped(body['done_reason'] ?? 'stop', OLLAMA_STOPS);
      if (called) into.refineStop('tool-use');
      into.usage(ollamaUsage(body));
      into.finish();
    }
    return typeof body['done'] === 'boolean';
  };
  return {
    event: read,
    // One that says it goes on, after content, is cut off; without content it is nothing.
    document: (value, into) => read(value, into) && (into.contentSeen || into.conclude()),
  };
}

export function ollamaUsage(body: Values): Partial<Usage> {
  return {
    input: asCount(body['prompt_eval_count']),
    output: asCount(body['eval_count']),
    // A part of the first figure; newer servers say it.
    cacheRead: asCount(body['prompt_eval_cached_count']),
  };
}

export const ollama: Dialect = {
  id: 'ollama',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer: (recognised, facts, head) =>
    recognised.operation === 'generate'
      ? createReader(head, facts, 'ndjson', interpreter())
      : createPlainReader(head, facts, (body) =>
          Array.isArray(body['embeddings']) || Array.isArray(body['embedding']) ? ollamaUsage(body) : undefined,
        ),
  errorAnswer: (error) => jsonErrorAnswer({ error: error.message }),
  streamError: (framing, error) =>
    framing === 'ndjson' ? Buffer.from(`${JSON.stringify({ error: error.message })}\n`) : Buffer.alloc(0),
};
