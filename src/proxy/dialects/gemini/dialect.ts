// SPDX-License-Identifier: Apache-2.0
// Gemini: generate, stream (SSE or one JSON array), count tokens, embed; at Google AI, Vertex and Code Assist.

import type { Dialect, Operation, Usage } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';
import { asCount, asObject, type Values } from '../json/values.ts';
import { createReader } from '../shared/answer-reader.ts';
import { withoutResourcePrefix } from '../shared/named-models.ts';
import { createPlainReader } from '../shared/plain-answer.ts';
import { type RequestShape, readRequestFacts, ToolNames } from '../shared/request-facts.ts';
import { pointerTo, type Role, roleOf, type TextSpans } from '../shared/text-spans.ts';
import { geminiInterpreter, geminiUsage } from './answer.ts';
import { geminiErrorAnswer, geminiStreamError } from './errors.ts';

interface Place {
  readonly node: JsonNode;
  readonly pointer: string;
}

/** The request itself: Code Assist puts it into `request`, countTokens may put it into `generateContentRequest`. */
function requestIn(root: JsonNode): Place {
  let place: Place = { node: root, pointer: '' };
  for (const member of ['request', 'generateContentRequest'] as const) {
    const inner = place.node.get(member);
    if (inner?.isObject) place = { node: inner, pointer: `${place.pointer}/${member}` };
  }
  return place;
}

const shape: RequestShape = {
  plainModel: withoutResourcePrefix,
  read(root) {
    const { node } = requestIn(root);
    const contents = node.get('contents');
    const understood =
      contents?.isArray === true ||
      contents?.isObject === true ||
      node.get('content')?.isObject === true ||
      node.get('requests')?.isArray === true;
    const tools = new ToolNames();
    const list = node.get('tools');
    if (list?.isArray) list.elements((tool) => addTool(tool, tools));
    else if (list !== undefined) addTool(list, tools);
    return {
      understood,
      model: root.get('model') ?? node.get('model'),
      modelHolders: [node],
      stream: false, // the path says
      messageCount: contents?.length ?? (contents?.isObject ? 1 : undefined),
      tools: tools.found,
    };
  },
  spans(root, out) {
    const { node, pointer } = requestIn(root);
    for (const member of ['systemInstruction', 'system_instruction'] as const) {
      contentSpans('system', `${pointer}/${member}`, node.get(member), out);
    }
    const contents = node.get('contents');
    if (contents?.isObject) contentSpans(undefined, `${pointer}/contents`, contents, out);
    contents?.elements((content, at) => contentSpans(undefined, pointerTo(`${pointer}/contents`, at), content, out));
    contentSpans('user', `${pointer}/content`, node.get('content'), out);
    node.get('requests')?.elements((request, at) => {
      contentSpans('user', `${pointerTo(`${pointer}/requests`, at)}/content`, request.get('content'), out);
    });
  },
};

function addTool(tool: JsonNode, into: ToolNames): void {
  const declared = tool.get('functionDeclarations') ?? tool.get('function_declarations');
  declared?.elements((one) => into.add(one.get('name')?.string));
  tool.members((key) => {
    if (!key.startsWith('function')) into.add(key); // googleSearch, codeExecution, urlContext …
  });
}

function contentSpans(
  role: 'system' | 'user' | undefined,
  pointer: string,
  content: JsonNode | undefined,
  out: TextSpans,
): void {
  if (content === undefined) return;
  const speaker = role ?? roleOf(content.get('role')?.string ?? 'user');
  out.string(speaker, pointer, content);
  const parts = content.get('parts');
  if (parts?.isObject) partSpans(speaker, `${pointer}/parts`, parts, out);
  parts?.elements((part, at) => partSpans(speaker, pointerTo(`${pointer}/parts`, at), part, out));
}

function partSpans(role: Role, pointer: string, part: JsonNode, out: TextSpans): void {
  out.string(role, `${pointer}/text`, part.get('text'));
  for (const member of ['functionCall', 'function_call'] as const) {
    out.all('assistant', `${pointer}/${member}/args`, part.get(member)?.get('args'));
  }
  for (const member of ['functionResponse', 'function_response'] as const) {
    out.all('tool', `${pointer}/${member}/response`, part.get(member)?.get('response'));
  }
  out.string('assistant', `${pointer}/executableCode/code`, part.get('executableCode')?.get('code'));
  out.string('tool', `${pointer}/codeExecutionResult/output`, part.get('codeExecutionResult')?.get('output'));
}

export const gemini: Dialect = {
  id: 'gemini',
  readRequest: (recognised, body) => readRequestFacts(recognised, body, shape),
  readAnswer: (recognised, facts, head) =>
    recognised.operation === 'generate'
      ? createReader(head, facts, 'json-array', geminiInterpreter())
      : createPlainReader(head, facts, (body) => plainUsage(recognised.operation, body)),
  errorAnswer: geminiErrorAnswer,
  streamError: geminiStreamError,
};

function plainUsage(operation: Operation, outer: Values): Partial<Usage> | undefined {
  const body = asObject(outer['response']) ?? outer;
  if (operation === 'count-tokens') {
    const input = asCount(body['totalTokens']);
    return input === undefined ? undefined : { input, cacheRead: asCount(body['cachedContentTokenCount']) };
  }
  const known = asObject(body['embedding']) !== undefined || Array.isArray(body['embeddings']);
  return known ? (geminiUsage(body['usageMetadata']) ?? {}) : undefined;
}
