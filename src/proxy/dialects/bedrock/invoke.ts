// SPDX-License-Identifier: Apache-2.0
// Bedrock InvokeModel: Bedrock's envelope around the model family's own body.

import { anthropicShape } from '../anthropic/dialect.ts';
import type { Dialect } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';
import { chatMessageSpans } from '../openai/chat.ts';
import { createReader } from '../shared/answer-reader.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, toolNames } from '../shared/request-facts.ts';
import { converseShape } from './converse.ts';
import { bedrockErrorAnswer, bedrockStreamError } from './errors.ts';
import { headerUsage, invokeInterpreter } from './invoke-answer.ts';

/** Members that hold a prompt: Titan, Llama and Mistral, Cohere Command, embeddings of Titan and Cohere. */
const PROMPTS = ['inputText', 'prompt', 'message', 'texts', 'text'] as const;

/** Nova takes Converse's body. Any one of these members tells; none must be there. */
function isNova(root: JsonNode): boolean {
  return (
    root.get('inferenceConfig') !== undefined ||
    root.get('toolConfig') !== undefined ||
    root.get('system')?.isArray === true
  );
}

/** The model's id does not always tell the family (application profiles), the shape of the body does. */
const shape: RequestShape = {
  read(root) {
    const messages = root.get('messages')?.length;
    if (root.get('anthropic_version') !== undefined) return anthropicShape.read(root);
    if (isNova(root)) return converseShape.read(root);
    return {
      understood: messages !== undefined || PROMPTS.some((member) => root.get(member) !== undefined),
      stream: false,
      messageCount: messages,
      tools: toolNames(root.get('tools')),
    };
  },
  spans(root, out) {
    if (root.get('anthropic_version') !== undefined) return anthropicShape.spans(root, out);
    if (isNova(root)) return converseShape.spans(root, out);
    for (const member of PROMPTS) out.content('user', `/${member}`, root.get(member));
    chatMessageSpans(root.get('messages'), '/messages', out);
    chatMessageSpans(root.get('chat_history'), '/chat_history', out);
    root.get('chat_history')?.elements((turn, at) => {
      out.string('other', `/chat_history/${at}/message`, turn.get('message'));
    });
    out.content('system', '/preamble', root.get('preamble'));
  },
};

export const bedrockInvoke: Dialect = {
  id: 'bedrock-invoke',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer(recognised, facts, head) {
    if (recognised.operation !== 'generate') {
      const known = ['embedding', 'embeddings', 'embeddingsByType'];
      return createPlainReader(head, facts, (body) =>
        known.some((member) => body[member] !== undefined) ? headerUsage(head) : undefined,
      );
    }
    return createReader(head, facts, 'aws-event-stream', invokeInterpreter(head));
  },
  errorAnswer: bedrockErrorAnswer,
  streamError: bedrockStreamError,
};
