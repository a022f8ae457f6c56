// SPDX-License-Identifier: Apache-2.0
// Messages of a Cohere v2 chat request to those of the hub. The plan that a model states before it calls tools is text.

import { sourceOfUrl } from '../../hub/data-url.ts';
import type { DocumentPart, ImagePart, Message, Part, TextPart, ToolCallPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { textIn } from '../../hub/scalars.ts';
import { asArray, asObject, asString, hasContent, jsonText, type Values } from '../../json/values.ts';

const SAID = new Set(['role', 'content']);
const ASSISTANT = new Set(['role', 'content', 'tool_plan', 'tool_calls']);
const TOOL = new Set(['role', 'content', 'tool_call_id']);
const CALL = new Set(['id', 'type', 'function']);

export function decodeMessages(messages: readonly unknown[], losses: LossList): readonly Message[] {
  const out: Message[] = [];
  const names = new Map<string, string>();
  /** Results that follow each other are one turn. */
  let results: Part[] | undefined;
  for (const [index, value] of messages.entries()) {
    const at = `/messages/${index}`;
    const message = asObject(value);
    const role = message?.['role'];
    if (message === undefined || (role !== 'tool' && role !== 'system' && role !== 'user' && role !== 'assistant')) {
      losses.add('not-understood', at);
      continue;
    }
    if (role === 'tool') {
      losses.unknownMembers(message, at, TOOL);
      const id = asString(message['tool_call_id']);
      if (!id) {
        losses.add('tool-pairing', at);
        continue;
      }
      const parts = decodeContent(message['content'], at, losses).filter(isResultPart);
      if (results === undefined) {
        results = [];
        out.push({ role: 'user', parts: results });
      }
      results.push({ kind: 'tool-result', id, name: names.get(id), parts, isError: false });
      continue;
    }
    results = undefined;
    if (role !== 'assistant') {
      losses.unknownMembers(message, at, SAID);
      out.push({ role, parts: decodeContent(message['content'], at, losses) });
      continue;
    }
    losses.unknownMembers(message, at, ASSISTANT, { citations: 'citations' });
    const calls = decodeCalls(message['tool_calls'], index, at, losses);
    for (const { id, name } of calls) names.set(id, name);
    const plan = textIn(message, 'tool_plan', at, losses);
    const content = hasContent(message['content']) ? decodeContent(message['content'], at, losses) : [];
    out.push({ role, parts: [...content, ...(plan ? [{ kind: 'text', text: plan } as const] : []), ...calls] });
  }
  return out;
}

function isResultPart(part: Part): part is TextPart | DocumentPart | ImagePart {
  return part.kind === 'text' || part.kind === 'document' || part.kind === 'image';
}

function decodeCalls(value: unknown, message: number, at: string, losses: LossList): readonly ToolCallPart[] {
  const calls: ToolCallPart[] = [];
  for (const [index, each] of asArray(value).entries()) {
    const place = `${at}/tool_calls/${index}`;
    const call = asObject(each) ?? {};
    const called = asObject(call['function']);
    const name = asString(called?.['name']);
    if (called === undefined || !name) {
      losses.add('not-understood', place);
      continue;
    }
    losses.unknownMembers(call, place, CALL);
    const id = asString(call['id']) || `call_${message}_${index}`;
    calls.push({ kind: 'tool-call', id, name, args: textIn(called, 'arguments', place, losses) ?? '' });
  }
  return calls;
}

function decodeContent(content: unknown, message: string, losses: LossList): readonly Part[] {
  const place = `${message}/content`;
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) {
    losses.add('not-understood', place);
    return [];
  }
  const parts: Part[] = [];
  for (const [index, value] of content.entries()) {
    const part = decodePart(asObject(value), `${place}/${index}`, losses);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

function decodePart(part: Values | undefined, at: string, losses: LossList): Part | undefined {
  const type = part?.['type'];
  switch (type) {
    case 'text':
    case 'thinking': {
      const text = asString(part?.[type]);
      if (text === undefined) losses.add('not-understood', at);
      else return { kind: type === 'text' ? 'text' : 'reasoning', text };
      return undefined;
    }
    case 'image_url': {
      const image = asObject(part?.['image_url']);
      const source = sourceOfUrl(asString(image?.['url']) ?? '');
      const detail = asString(image?.['detail']);
      if (source !== undefined) return { kind: 'image', source, ...(detail ? { detail } : {}) };
      losses.add('not-understood', at);
      return undefined;
    }
    case 'document': {
      const document = asObject(part?.['document']);
      const text = documentText(document?.['data']);
      const name = asString(document?.['id']);
      if (text !== undefined) return { kind: 'document', source: { kind: 'text', text }, ...(name ? { name } : {}) };
      losses.add('not-understood', at);
      return undefined;
    }
    default:
      losses.add('unknown-part', at);
      return undefined;
  }
}

/** A text, or an object of texts that the model sees with their names. */
function documentText(data: unknown): string | undefined {
  if (typeof data === 'string') return data;
  return hasContent(data) ? jsonText(data) : undefined;
}
