// SPDX-License-Identifier: Apache-2.0
// OpenAI Responses over HTTP: requests, answers, errors. The WebSocket form of the same events is in frames.ts.

import type { Dialect } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';
import { openaiErrorAnswer, responsesStreamError } from '../openai/errors.ts';
import { openaiUsage } from '../openai/usage.ts';
import { createReader } from '../shared/answer-reader.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { addToolNames, type RequestShape, readRequestFacts, ToolNames } from '../shared/request-facts.ts';
import { pointerTo, type Role, roleOf, type TextSpans } from '../shared/text-spans.ts';
import { responsesInterpreter } from './answer.ts';

/** Input may also be state that the server keeps. */
const SERVER_STATE = ['prompt', 'previous_response_id', 'conversation'] as const;

export const responsesShape: RequestShape = {
  read(root) {
    const input = root.get('input');
    const tools = new ToolNames();
    addToolNames(root.get('tools'), tools);
    // Codex sends its tools as an input item.
    input?.elements((item) => {
      if (item.get('type')?.string === 'additional_tools') addToolNames(item.get('tools'), tools);
    });
    const hasInput = input?.isString === true || input?.isArray === true;
    return {
      understood: hasInput || SERVER_STATE.some((member) => root.get(member) !== undefined),
      model: root.get('model'),
      stream: root.get('stream')?.isTrue === true,
      messageCount: input?.isString === true ? 1 : input?.length,
      tools: tools.found,
    };
  },
  spans(root, out) {
    out.string('system', '/instructions', root.get('instructions'));
    const input = root.get('input');
    out.string('user', '/input', input);
    input?.elements((item, index) => itemSpans(item, pointerTo('/input', index), out));
    out.all('user', '/prompt/variables', root.get('prompt')?.get('variables'));
  },
};

function itemSpans(item: JsonNode, pointer: string, out: TextSpans): void {
  const type = item.get('type')?.string ?? 'message';
  const role = itemRole(type, item.get('role')?.string);
  out.string(role, pointer, item);
  out.content(role, `${pointer}/content`, item.get('content'));
  out.content(role, `${pointer}/summary`, item.get('summary'));
  out.string(role, `${pointer}/arguments`, item.get('arguments'));
  out.string(role, `${pointer}/input`, item.get('input'));
  out.all(role, `${pointer}/action`, type.endsWith('shell_call') ? item.get('action') : undefined);
  const output = item.get('output');
  // Screenshots are outputs too, but their members are addresses, not text.
  if (type.endsWith('_output')) out.content(role, `${pointer}/output`, output);
  else out.string('tool', `${pointer}/output`, output);
}

function itemRole(type: string, role: string | undefined): Role {
  if (role !== undefined) return roleOf(role);
  if (type.endsWith('_output')) return 'tool';
  return type.endsWith('_call') || type === 'reasoning' ? 'assistant' : 'other';
}

export const openaiResponses: Dialect = {
  id: 'openai-responses',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, responsesShape),
  readAnswer(recognised, facts, head) {
    if (recognised.operation === 'generate') return createReader(head, facts, 'sse', responsesInterpreter());
    return createPlainReader(head, facts, openaiUsage);
  },
  errorAnswer: openaiErrorAnswer,
  streamError: responsesStreamError,
};
