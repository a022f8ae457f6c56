// SPDX-License-Identifier: Apache-2.0
// Anthropic Messages and count_tokens: at Anthropic, at compatible hosts, and at Vertex with the model in the path.

import type { Dialect } from '../dialect.ts';
import { asCount } from '../json/values.ts';
import { createReader } from '../shared/answer-reader.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, toolNames } from '../shared/request-facts.ts';
import { pointerTo, roleOf } from '../shared/text-spans.ts';
import { anthropicInterpreter } from './answer.ts';
import { anthropicErrorAnswer, anthropicStreamError } from './errors.ts';

export const anthropicShape: RequestShape = {
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
    out.content('system', '/system', root.get('system'));
    root.get('messages')?.elements((message, index) => {
      out.content(
        roleOf(message.get('role')?.string),
        `${pointerTo('/messages', index)}/content`,
        message.get('content'),
      );
    });
  },
};

export const anthropicMessages: Dialect = {
  id: 'anthropic-messages',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, anthropicShape),
  readAnswer(recognised, facts, head) {
    if (recognised.operation === 'generate') return createReader(head, facts, 'sse', anthropicInterpreter());
    return createPlainReader(head, facts, (body) => {
      const input = asCount(body['input_tokens']);
      return input === undefined ? undefined : { input };
    });
  },
  errorAnswer: anthropicErrorAnswer,
  streamError: anthropicStreamError,
};
