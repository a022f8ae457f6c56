// SPDX-License-Identifier: Apache-2.0
// Reads whole answers without generated content: embeddings and token counts.

import type { AnswerHead, AnswerReader, RequestFacts, Usage } from '../dialect.ts';
import { asObject, type Values } from '../json/values.ts';
import { createReader, type Interpreter } from './answer-reader.ts';
import { classifyError } from './error-class.ts';

/** `read` returns the usage, or undefined when the document is not what was asked for. */
export function createPlainReader(
  head: AnswerHead,
  facts: RequestFacts,
  read: (body: Values) => Partial<Usage> | undefined,
): AnswerReader {
  const document: Interpreter['document'] = (value, into) => {
    const body = asObject(value);
    if (body === undefined) return false;
    if (body['error'] !== undefined && body['error'] !== null) {
      into.fail(classifyError(body, undefined));
      return true;
    }
    const usage = read(body);
    if (usage === undefined) return false;
    into.usage(usage);
    into.model(body['model']);
    into.responseId(body['id']);
    into.close();
    return true;
  };
  return createReader(head, facts, 'json', { plain: true, document, event: document });
}
