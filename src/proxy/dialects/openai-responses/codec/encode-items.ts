// SPDX-License-Identifier: Apache-2.0
// Messages of the hub to input items of a Responses request. Owns what OpenAI asks of a history: calls and results in pairs, an
// encrypted reasoning item directly before the item that followed it.

import { assertNever } from '../../../../contract/assert-never.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import { urlOfSource } from '../../hub/data-url.ts';
import { fileName } from '../../hub/file-name.ts';
import type { DocumentPart, ImagePart, Message, Opaque, Part, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { createIdFitter } from '../../hub/paired-turns.ts';
import { checkPairs } from '../../hub/pairs.ts';
import type { ToolNames } from '../../hub/tool-names.ts';
import type { Values } from '../../json/values.ts';

export function encodeItems(
  messages: readonly Message[],
  target: EncodeTarget,
  names: ToolNames,
  losses: LossList,
): readonly Values[] {
  checkPairs(messages, losses);
  const fitId = createIdFitter(messages.map(({ parts }) => ({ role: 'user', parts })));
  const items: Values[] = [];
  for (const [index, { role, parts, name }] of messages.entries()) {
    const at = `/messages/${index}`;
    if (name !== undefined) losses.add('participant-name', at);
    const encoder = new ItemEncoder(role, at, target, names, fitId, losses, items);
    for (const part of parts) encoder.add(part);
    encoder.finish();
  }
  return items;
}

class ItemEncoder {
  readonly #role: Message['role'];
  readonly #at: string;
  readonly #target: EncodeTarget;
  readonly #names: ToolNames;
  readonly #fitId: (id: string) => string;
  readonly #losses: LossList;
  readonly #items: Values[];
  /** Content of the message item that is being filled. */
  #content: Values[] = [];
  /** Kept until an item follows: OpenAI refuses a reasoning item that stands alone. */
  #reasoning: Values | undefined;

  constructor(
    role: Message['role'],
    at: string,
    target: EncodeTarget,
    names: ToolNames,
    fitId: (id: string) => string,
    losses: LossList,
    items: Values[],
  ) {
    this.#role = role;
    this.#at = at;
    this.#target = target;
    this.#names = names;
    this.#fitId = fitId;
    this.#losses = losses;
    this.#items = items;
  }

  add(part: Part): void {
    if ('cache' in part && part.cache !== undefined) this.#losses.add('cache-control', this.#at);
    switch (part.kind) {
      case 'text':
        this.#content.push({ type: this.#role === 'assistant' ? 'output_text' : 'input_text', text: part.text });
        return;
      case 'refusal':
        if (this.#role === 'assistant') this.#content.push({ type: 'refusal', refusal: part.text });
        else this.#losses.add('unknown-part', this.#at);
        return;
      case 'image':
      case 'document':
        if (this.#role !== 'user') this.#losses.add('unknown-part', this.#at);
        else this.#content.push(this.#file(part));
        return;
      case 'tool-call':
        this.#call(part);
        return;
      case 'tool-result':
        this.#result(part);
        return;
      case 'reasoning':
        this.#keepReasoning(part.opaque, part.text);
        return;
      default:
        assertNever(part);
    }
  }

  finish(): void {
    this.#closeMessage();
    if (this.#reasoning !== undefined) this.#losses.add('reasoning-dropped', this.#at);
    this.#reasoning = undefined;
  }

  #push(item: Values): void {
    if (this.#reasoning !== undefined) this.#items.push(this.#reasoning);
    this.#reasoning = undefined;
    this.#items.push(item);
  }

  #closeMessage(): void {
    if (this.#content.length === 0) return;
    const role = this.#role === 'system' ? (this.#target.quirks.systemRole ?? 'system') : this.#role;
    this.#push({ type: 'message', role, content: this.#content });
    this.#content = [];
  }

  #call(part: ToolCallPart): void {
    this.#closeMessage();
    if (part.opaque !== undefined) this.#keepReasoning(part.opaque, '');
    this.#push({
      type: 'function_call',
      call_id: this.#fitId(part.id),
      name: this.#names.fit(part.name),
      arguments: part.args === '' ? '{}' : part.args,
    });
  }

  #result(part: ToolResultPart): void {
    this.#closeMessage();
    if (part.isError) this.#losses.add('tool-error-flag', this.#at);
    const only = part.parts.length === 1 ? part.parts[0] : undefined;
    let output: string | readonly Values[];
    if (part.parts.length === 0) output = '';
    else if (only?.kind === 'text') output = only.text;
    else output = part.parts.map((each) => (each.kind === 'text' ? inputText(each.text) : this.#file(each)));
    if (part.parts.some(({ cache }) => cache !== undefined)) this.#losses.add('cache-control', this.#at);
    this.#push({ type: 'function_call_output', call_id: this.#fitId(part.id), output });
  }

  #keepReasoning(opaque: Opaque | undefined, text: string): void {
    this.#closeMessage();
    const own = opaque?.dialect === 'openai-responses' && opaque.form === 'encrypted';
    if (!own || !this.#target.mayUseOpaque) {
      if (opaque !== undefined || text !== '') this.#losses.add('reasoning-dropped', this.#at);
      return;
    }
    if (this.#reasoning !== undefined) this.#items.push(this.#reasoning);
    this.#reasoning = {
      type: 'reasoning',
      ...(opaque.id === undefined ? {} : { id: opaque.id }),
      summary: text === '' ? [] : [{ type: 'summary_text', text }],
      encrypted_content: opaque.data,
    };
  }

  #file(part: ImagePart | DocumentPart): Values {
    const { facts } = this.#target;
    if (part.kind === 'image') {
      if (facts.images === false) this.#losses.add('no-images', this.#at);
      return { type: 'input_image', image_url: urlOfSource(part.source), detail: part.detail ?? 'auto' };
    }
    const { source, name } = part;
    if (source.kind === 'text') {
      if (name !== undefined) this.#losses.add('document-name', this.#at);
      return inputText(source.text);
    }
    if (facts.documents === false) this.#losses.add('no-documents', this.#at);
    if (source.kind === 'url') {
      if (name !== undefined) this.#losses.add('document-name', this.#at);
      return { type: 'input_file', file_url: source.url };
    }
    // Bytes need a name, and OpenAI goes by its ending.
    const filename = fileName(name, source.mediaType);
    if (name !== undefined && name !== filename) this.#losses.add('document-name', this.#at);
    return { type: 'input_file', filename, file_data: urlOfSource(source) };
  }
}

function inputText(text: string): Values {
  return { type: 'input_text', text };
}
