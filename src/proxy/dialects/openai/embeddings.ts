// SPDX-License-Identifier: Apache-2.0
// OpenAI's embeddings.

import type { Dialect } from '../dialect.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts } from '../shared/request-facts.ts';
import { openaiErrorAnswer } from './errors.ts';
import { openaiUsage } from './usage.ts';

const shape: RequestShape = {
  read(root) {
    const input = root.get('input');
    return { understood: input?.isString === true || input?.isArray === true, model: root.get('model'), stream: false };
  },
  spans(root, out) {
    out.content('user', '/input', root.get('input'));
  },
};

export const openaiEmbeddings: Dialect = {
  id: 'openai-embeddings',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer: (_recognised, facts, head) =>
    createPlainReader(head, facts, (body) =>
      Array.isArray(body['data']) ? (openaiUsage(body['usage']) ?? {}) : undefined,
    ),
  errorAnswer: openaiErrorAnswer,
  streamError: () => Buffer.alloc(0),
};
