// SPDX-License-Identifier: Apache-2.0
// OpenAI's legacy completions: a prompt, and choices with `text`.

import type { Dialect } from '../dialect.ts';
import { createReader } from '../shared/answer-reader.ts';
import { type RequestShape, readRequestFacts } from '../shared/request-facts.ts';
import { CHAT_STOPS } from './chat.ts';
import { choicesInterpreter } from './choices.ts';
import { openaiErrorAnswer, openaiStreamError } from './errors.ts';

const shape: RequestShape = {
  read(root) {
    const prompt = root.get('prompt');
    return {
      understood: prompt?.isString === true || prompt?.isArray === true,
      model: root.get('model'),
      stream: root.get('stream')?.isTrue === true,
    };
  },
  spans(root, out) {
    out.content('user', '/prompt', root.get('prompt'));
    out.string('user', '/suffix', root.get('suffix'));
  },
};

export const openaiCompletions: Dialect = {
  id: 'openai-completions',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer: (_recognised, facts, head) => createReader(head, facts, 'sse', choicesInterpreter(CHAT_STOPS)),
  errorAnswer: openaiErrorAnswer,
  streamError: openaiStreamError,
};
