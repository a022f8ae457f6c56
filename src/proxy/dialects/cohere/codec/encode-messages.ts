// SPDX-License-Identifier: Apache-2.0
// Messages of the hub as those of a Cohere v2 chat request. Owns what Cohere asks of a history: one message a result, no files.

import type { EncodeTarget } from '../../hub/codec.ts';
import { urlOfSource } from '../../hub/data-url.ts';
import type { Message, Part, TextPart, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { checkPairs } from '../../hub/pairs.ts';
import type { ToolNames } from '../../hub/tool-names.ts';
import type { Values } from '../../json/values.ts';

export function encodeMessages(
  messages: readonly Message[],
  target: EncodeTarget,
  names: ToolNames,
  losses: LossList,
): readonly Values[] {
  checkPairs(messages, losses);
  const out: Values[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `/messages/${index}`;
    if (message.name !== undefined) losses.add('participant-name', at);
    if (message.parts.some((part) => 'cache' in part && part.cache !== undefined)) losses.add('cache-control', at);
    switch (message.role) {
      case 'system':
        push(out, 'system', encodeContent(message.parts, at, target, losses));
        break;
      case 'assistant':
        encodeAssistant(message.parts, at, target, names, losses, out);
        break;
      case 'user':
        encodeUser(message.parts, at, target, losses, out);
    }
  }
  return out;
}

function push(out: Values[], role: string, content: readonly Values[]): void {
  if (content.length > 0) out.push({ role, content: plain(content) });
}

/** One text needs no list. */
function plain(content: readonly Values[]): unknown {
  const [only] = content;
  return content.length === 1 && only?.['type'] === 'text' ? only['text'] : content;
}

/** Results become messages of their own; what else the user said stays in order around them. */
function encodeUser(parts: readonly Part[], at: string, target: EncodeTarget, losses: LossList, out: Values[]): void {
  let said: Part[] = [];
  for (const part of parts) {
    if (part.kind !== 'tool-result') {
      said.push(part);
      continue;
    }
    push(out, 'user', encodeContent(said, at, target, losses));
    said = [];
    out.push(encodeResult(part, at, losses));
  }
  push(out, 'user', encodeContent(said, at, target, losses));
}

function encodeContent(
  parts: readonly Part[],
  at: string,
  { facts }: EncodeTarget,
  losses: LossList,
): readonly Values[] {
  const content: Values[] = [];
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        content.push({ type: 'text', text: part.text });
        break;
      case 'image':
        if (facts.images === false) losses.add('no-images', at);
        content.push({
          type: 'image_url',
          image_url: { url: urlOfSource(part.source), ...detailOf(part.detail, at, losses) },
        });
        break;
      case 'document':
        if (part.source.kind === 'text') {
          if (part.name !== undefined) losses.add('document-name', at);
          content.push({ type: 'text', text: part.source.text });
        } else losses.add('no-documents', at);
        break;
      default:
        losses.add('unknown-part', at);
    }
  }
  return content;
}

function detailOf(detail: string | undefined, at: string, losses: LossList): Values {
  if (detail === undefined) return {};
  if (detail === 'auto' || detail === 'low' || detail === 'high') return { detail };
  losses.add('image-detail', at);
  return {};
}

function encodeResult({ id, parts, isError }: ToolResultPart, at: string, losses: LossList): Values {
  if (isError) losses.add('tool-error-flag', at);
  const content: Values[] = [];
  for (const part of parts) {
    if (part.cache !== undefined) losses.add('cache-control', at);
    if (part.kind === 'text') content.push({ type: 'text', text: part.text });
    else if (part.kind === 'image') losses.add('no-images', at);
    else if (part.source.kind !== 'text') losses.add('no-documents', at);
    else {
      const data = { text: part.source.text };
      content.push({ type: 'document', document: part.name === undefined ? { data } : { data, id: part.name } });
    }
  }
  return { role: 'tool', tool_call_id: id, content: content.length === 0 ? '' : plain(content) };
}

/** Beside calls a text is the plan, as Cohere's own models write it. */
function encodeAssistant(
  parts: readonly Part[],
  at: string,
  target: EncodeTarget,
  names: ToolNames,
  losses: LossList,
  out: Values[],
): void {
  const calls = parts.filter((part): part is ToolCallPart => part.kind === 'tool-call');
  const texts: TextPart[] = [];
  const content: Values[] = [];
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        if (part.text !== '') texts.push(part);
        break;
      case 'refusal':
        losses.add('refusal-as-text', at);
        texts.push({ kind: 'text', text: part.text });
        break;
      case 'reasoning':
        // Thoughts of another model are no thoughts of this one.
        if (target.mayUseOpaque && target.facts.reasoning !== false && part.text !== '') {
          content.push({ type: 'thinking', thinking: part.text });
        } else losses.add('reasoning-dropped', at);
        break;
      case 'tool-call':
        if (part.opaque !== undefined) losses.add('reasoning-dropped', at);
        break;
      default:
        losses.add('unknown-part', at);
    }
  }
  if (calls.length === 0) {
    for (const { text } of texts) content.push({ type: 'text', text });
    push(out, 'assistant', content);
    return;
  }
  const plan = texts.map(({ text }) => text).join('\n\n');
  out.push({
    role: 'assistant',
    ...(content.length === 0 ? {} : { content }),
    ...(plan === '' ? {} : { tool_plan: plan }),
    tool_calls: calls.map(({ id, name, args }) => {
      return { id, type: 'function', function: { name: names.fit(name), arguments: args === '' ? '{}' : args } };
    }),
  });
}
