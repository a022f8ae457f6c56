// SPDX-License-Identifier: Apache-2.0
// Cohere: chat v2 and embed.

import type { Dialect, ErrorClass, StopClass, Usage } from '../dialect.ts';
import { asArray, asCount, asObject, asString, hasContent } from '../json/values.ts';
import { chatMessageSpans } from '../openai/chat.ts';
import { createReader, type Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { classifyError } from '../shared/error-class.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, toolNames } from '../shared/request-facts.ts';
import { cohereErrorAnswer, cohereStreamError } from './errors.ts';

export const COHERE_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool-use'],
  ['ERROR', 'error'],
  ['ERROR_LIMIT', 'error'],
  ['ERROR_TOXIC', 'content-filter'],
  ['TIMEOUT', 'error'],
]);

const chatShape: RequestShape = {
  read(root) {
    const messages = root.get('messages')?.length;
    return {
      understood: messages !== undefined,
      model: root.get('model'),
      stream: root.get('stream')?.isTrue === true,
      messageCount: messages,
      tools: toolNames(root.get('tools')),
    };
  },
  spans(root, out) {
    chatMessageSpans(root.get('messages'), '/messages', out);
    out.all('tool', '/documents', root.get('documents'));
  },
};

const embedShape: RequestShape = {
  read(root) {
    const lists = ['texts', 'inputs', 'images'];
    return {
      understood: lists.some((member) => root.get(member)?.isArray === true),
      model: root.get('model'),
      stream: false,
    };
  },
  spans(root, out) {
    out.content('user', '/texts', root.get('texts'));
    out.content('user', '/inputs', root.get('inputs'));
  },
};

function chatInterpreter(): Interpreter {
  return {
    event(value, into) {
      const event = asObject(value);
      const delta = asObject(event?.['delta']);
      const message = asObject(delta?.['message']);
      switch (event?.['type']) {
        case 'message-start':
          into.responseId(event['id']);
          return true;
        case 'content-start':
        case 'content-delta': {
          const content = asObject(message?.['content']);
          if (hasContent(content?.['text']) || hasContent(content?.['thinking'])) into.piece();
          return true;
        }
        case 'tool-plan-delta':
          if (hasContent(message?.['tool_plan'])) into.piece();
          return true;
        case 'tool-call-start':
        case 'tool-call-delta': {
          const call = asObject(asObject(message?.['tool_calls'])?.['function']);
          if (hasContent(call?.['name']) || hasContent(call?.['arguments'])) into.piece();
          return true;
        }
        case 'citation-start':
          into.piece();
          return true;
        case 'message-end':
          end(delta?.['finish_reason'], delta?.['usage'], delta?.['error'], into);
          return true;
        case 'content-end':
        case 'tool-call-end':
        case 'citation-end':
        case 'debug':
          return true;
        default:
          return false;
      }
    },
    document(value, into) {
      const body = asObject(value);
      const message = asObject(body?.['message']);
      if (body === undefined || message === undefined) return false;
      into.responseId(body['id']);
      for (const part of [...asArray(message['content']), ...asArray(message['tool_calls'])]) {
        if (hasContent(part)) into.piece();
      }
      return end(body['finish_reason'], body['usage'], undefined, into);
    },
  };
}

/** False: the answer is empty and gives no reason. */
function end(reason: unknown, usage: unknown, error: unknown, into: AnswerState): boolean {
  into.stopped(reason, COHERE_STOPS);
  const counts = cohereUsage(usage);
  if (counts !== undefined) into.usage(counts);
  if (hasContent(error) || reason === 'ERROR' || reason === 'TIMEOUT') {
    into.fail({ class: hasContent(error) ? inBandClass(error) : 'server', code: asString(reason) });
    return true;
  }
  return into.conclude();
}

export function inBandClass(error: unknown): ErrorClass {
  const reported = classifyError({ message: error }, undefined).class;
  return reported === 'unknown' ? 'server' : reported;
}

/** `tokens` is what the model saw; `billed_units` is what is paid. */
export function cohereUsage(value: unknown): Partial<Usage> | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const tokens = asObject(usage['tokens']);
  const billed = asObject(usage['billed_units']);
  return {
    input: asCount(tokens?.['input_tokens']) ?? asCount(billed?.['input_tokens']),
    output: asCount(tokens?.['output_tokens']) ?? asCount(billed?.['output_tokens']),
    cacheRead: asCount(usage['cached_tokens']),
  };
}

export const cohereChat: Dialect = {
  id: 'cohere-chat',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, chatShape),
  readAnswer: (_recognised, facts, head) => createReader(head, facts, 'sse', chatInterpreter()),
  errorAnswer: cohereErrorAnswer,
  streamError: cohereStreamError,
};

export const cohereEmbed: Dialect = {
  id: 'cohere-embed',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, embedShape),
  readAnswer: (_recognised, facts, head) =>
    createPlainReader(head, facts, (body) =>
      body['embeddings'] === undefined ? undefined : (cohereUsage(body['meta']) ?? {}),
    ),
  errorAnswer: cohereErrorAnswer,
  streamError: () => Buffer.alloc(0),
};
