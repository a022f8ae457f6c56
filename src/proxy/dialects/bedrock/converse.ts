// SPDX-License-Identifier: Apache-2.0
// Bedrock Converse, ConverseStream and CountTokens.

import type { Dialect } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';
import { asCount } from '../json/values.ts';
import { createReader } from '../shared/answer-reader.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, ToolNames } from '../shared/request-facts.ts';
import { pointerTo, type Role, roleOf, type TextSpans } from '../shared/text-spans.ts';
import { converseInterpreter } from './converse-answer.ts';
import { bedrockErrorAnswer, bedrockStreamError } from './errors.ts';

/** CountTokens wraps what it counts: `input.converse`, or `input.invokeModel` whose body is base64 and stays unread. */
function requestIn(root: JsonNode): { readonly node: JsonNode; readonly pointer: string } {
  const wrapped = root.get('input')?.get('converse');
  return wrapped === undefined ? { node: root, pointer: '' } : { node: wrapped, pointer: '/input/converse' };
}

export const converseShape: RequestShape = {
  read(root) {
    const { node } = requestIn(root);
    const messages = node.get('messages')?.length;
    const tools = new ToolNames();
    node
      .get('toolConfig')
      ?.get('tools')
      ?.elements((tool) => {
        tool.members((_kind, spec) => {
          if (spec.isObject) tools.add(spec.get('name')?.string);
        });
      });
    return { understood: messages !== undefined, stream: false, messageCount: messages, tools: tools.found };
  },
  spans(root, out) {
    const { node, pointer } = requestIn(root);
    node.get('system')?.elements((block, at) => blockSpans('system', `${pointer}/system/${at}`, block, out));
    node.get('messages')?.elements((message, at) => {
      const role = roleOf(message.get('role')?.string);
      const base = `${pointer}/messages/${at}/content`;
      const content = message.get('content');
      out.string(role, base, content);
      content?.elements((block, index) => blockSpans(role, pointerTo(base, index), block, out));
    });
    out.all('user', `${pointer}/promptVariables`, node.get('promptVariables'));
  },
};

function blockSpans(role: Role, pointer: string, block: JsonNode, out: TextSpans): void {
  out.string(role, `${pointer}/text`, block.get('text'));
  out.all('assistant', `${pointer}/toolUse/input`, block.get('toolUse')?.get('input'));
  block
    .get('toolResult')
    ?.get('content')
    ?.elements((result, at) => {
      const base = `${pointer}/toolResult/content/${at}`;
      blockSpans('tool', base, result, out);
      out.all('tool', `${base}/json`, result.get('json'));
    });
  const reasoning = block.get('reasoningContent')?.get('reasoningText');
  out.string('assistant', `${pointer}/reasoningContent/reasoningText/text`, reasoning?.get('text'));
  out.string(role, `${pointer}/document/source/text`, block.get('document')?.get('source')?.get('text'));
  const guarded = block.get('guardContent')?.get('text');
  out.string(role, `${pointer}/guardContent/text/text`, guarded?.get('text'));
}

export const bedrockConverse: Dialect = {
  id: 'bedrock-converse',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, converseShape),
  readAnswer(recognised, facts, head) {
    if (recognised.operation === 'generate')
      return createReader(head, facts, 'aws-event-stream', converseInterpreter());
    return createPlainReader(head, facts, (body) => {
      const input = asCount(body['inputTokens']);
      return input === undefined ? undefined : { input };
    });
  },
  errorAnswer: bedrockErrorAnswer,
  streamError: bedrockStreamError,
};
