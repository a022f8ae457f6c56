// SPDX-License-Identifier: Apache-2.0
// Hub events as an answer of the Responses API, as a stream with all of its lifecycle events or as a document. Items may overlap:
// each event says by `output_index` what it belongs to. The stream ends with its last event, there is no `[DONE]`.

import { assertNever } from '../../../../contract/assert-never.ts';
import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent, Opaque } from '../../hub/hub.ts';
import { MADE_UP_ID, MADE_UP_OPAQUE } from '../../hub/made-up.ts';
import type { Values } from '../../json/values.ts';
import { responseObject, schemasAsked, statusOf } from './response.ts';

const NOTHING = Buffer.alloc(0);

/** One output item. `index` is its place in the output; pieces are joined once, at its end. */
interface Item {
  readonly id: string;
  readonly index: number;
}

interface MessageItem extends Item {
  readonly content: Values[];
}

interface TextPart {
  readonly kind: 'text' | 'refusal';
  readonly index: number;
  text: string;
  /** The delta event up to the text itself: what stays the same for each piece is written once. */
  readonly head: string;
}

interface CallItem extends Item {
  readonly callId: string;
  readonly name: string;
  readonly head: string;
  args: string;
}

interface ReasoningItem extends Item {
  text: string;
  /** undefined: no summary has begun. */
  head: string | undefined;
}

export function createEncoder(options: EncoderOptions): AnswerEncoder {
  return new ResponsesEncoder(options);
}

class ResponsesEncoder implements AnswerEncoder {
  readonly contentType: string;
  readonly #options: EncoderOptions;
  readonly #schemas: Values;
  readonly #streams: boolean;
  /** OpenAI shows reasoning only to callers that ask for its summary. */
  readonly #showsReasoning: boolean;
  #wire = '';
  #sequence = 0;
  #started = false;
  /** Finished items by their index. */
  readonly #output: Values[] = [];
  #items = 0;
  #message: MessageItem | undefined;
  #part: TextPart | undefined;
  #reasoning: ReasoningItem | undefined;
  readonly #calls = new Map<string, CallItem>();
  #stop: StopClass | undefined;
  #usage: Usage | undefined;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#schemas = schemasAsked(options.request);
    this.#streams = options.framing !== undefined;
    this.#showsReasoning = options.request.reasoning?.visible === true;
    this.contentType = this.#streams ? 'text/event-stream' : 'application/json';
  }

  push(event: HubEvent): Buffer {
    if (event.kind !== 'loss' && event.kind !== 'error') this.#start();
    switch (event.kind) {
      case 'start':
      case 'loss':
      case 'error': // how a stream fails is the dialect's `streamError`
        break;
      case 'text':
      case 'refusal':
        this.#addText(event.kind, event.text);
        break;
      case 'reasoning':
        if (this.#showsReasoning) this.#addReasoning(event.text);
        break;
      case 'reasoning-opaque':
        this.#addOpaque(event.opaque);
        break;
      case 'part-end':
        this.#closePart();
        this.#closeReasoning();
        break;
      case 'tool-start':
        this.#startCall(event.id, event.name);
        break;
      case 'tool-args': {
        const call = this.#calls.get(event.id);
        if (call !== undefined) this.#addArgs(call, event.text);
        break;
      }
      case 'tool-end': {
        const call = this.#calls.get(event.id);
        if (call !== undefined) this.#closeCall(call, event.id);
        break;
      }
      case 'usage':
        this.#usage = event.usage;
        break;
      case 'stop':
        this.#stop = event.stop;
        break;
      default:
        assertNever(event);
    }
    return this.#take();
  }

  end(): Buffer {
    this.#start();
    this.#closeMessage();
    this.#closeReasoning();
    for (const [id, call] of this.#calls) this.#closeCall(call, id);
    const status = statusOf(this.#stop ?? 'stop');
    const response = responseObject(this.#options, this.#schemas, status, this.#output, this.#stop, this.#usage);
    if (!this.#streams) return Buffer.from(JSON.stringify(response));
    this.#emit(`response.${status}`, { response });
    return this.#take();
  }

  #take(): Buffer {
    if (this.#wire === '') return NOTHING;
    const wire = this.#wire;
    this.#wire = '';
    return Buffer.from(wire);
  }

  #emit(type: string, members: Values): void {
    if (!this.#streams) return;
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...members });
    this.#wire += `event: ${type}\ndata: ${data}\n\n`;
  }

  /** `place` is written once for all deltas of a part. */
  #head(type: string, place: Values): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, ...place }).slice(0, -1)},"delta":`;
  }

  #delta(head: string, text: string, rest = ''): void {
    if (!this.#streams) return;
    this.#wire += `${head}${JSON.stringify(text)}${rest},"sequence_number":${this.#sequence++}}\n\n`;
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    if (!this.#streams) return;
    const response = responseObject(this.#options, this.#schemas, 'in_progress', [], undefined, undefined);
    this.#emit('response.created', { response });
    this.#emit('response.in_progress', { response });
  }

  /** OpenAI's ids have at most 64 characters. */
  #nextItem(prefix: 'msg' | 'rs' | 'fc'): Item {
    const index = this.#items++;
    return { id: `${prefix}_${MADE_UP_ID}${this.#options.id}_${index}`, index };
  }

  #add({ index }: Item, item: Values): void {
    this.#emit('response.output_item.added', { output_index: index, item });
  }

  #done({ index }: Item, item: Values): void {
    this.#output[index] = item;
    this.#emit('response.output_item.done', { output_index: index, item });
  }

  /** What is cut off by a limit or a filter says so itself too. */
  get #itemStatus(): 'completed' | 'incomplete' {
    return this.#stop !== undefined && statusOf(this.#stop) === 'incomplete' ? 'incomplete' : 'completed';
  }

  #addText(kind: 'text' | 'refusal', text: string): void {
    if (text === '') return;
    this.#closeReasoning();
    if (this.#part !== undefined && this.#part.kind !== kind) this.#closePart();
    this.#part ??= this.#openPart(kind);
    this.#part.text += text;
    this.#delta(this.#part.head, text, kind === 'text' ? ',"logprobs":[]' : '');
  }

  #openPart(kind: 'text' | 'refusal'): TextPart {
    this.#message ??= this.#openMessage();
    const { id, index: outputIndex, content } = this.#message;
    const index = content.length;
    const place = { item_id: id, output_index: outputIndex, content_index: index };
    this.#emit('response.content_part.added', { ...place, part: contentPart(kind, '') });
    const type = kind === 'text' ? 'response.output_text.delta' : 'response.refusal.delta';
    return { kind, index, text: '', head: this.#head(type, place) };
  }

  #openMessage(): MessageItem {
    const item = this.#nextItem('msg');
    this.#add(item, { id: item.id, type: 'message', status: 'in_progress', role: 'assistant', content: [] });
    return { ...item, content: [] };
  }

  #closePart(): void {
    const part = this.#part;
    const message = this.#message;
    if (part === undefined || message === undefined) return;
    this.#part = undefined;
    const { kind, index, text } = part;
    const place = { item_id: message.id, output_index: message.index, content_index: index };
    const whole = contentPart(kind, text);
    message.content.push(whole);
    if (kind === 'text') this.#emit('response.output_text.done', { ...place, text, logprobs: [] });
    else this.#emit('response.refusal.done', { ...place, refusal: text });
    this.#emit('response.content_part.done', { ...place, part: whole });
  }

  #closeMessage(): void {
    this.#closePart();
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    const { id, content } = message;
    this.#done(message, { id, type: 'message', status: this.#itemStatus, role: 'assistant', content });
  }

  #addReasoning(text: string): void {
    if (text === '') return;
    this.#closeMessage();
    this.#reasoning ??= this.#openReasoning();
    const item = this.#reasoning;
    item.head ??= this.#openSummary(item);
    item.text += text;
    this.#delta(item.head, text);
  }

  #openReasoning(): ReasoningItem {
    const item = this.#nextItem('rs');
    this.#add(item, { id: item.id, type: 'reasoning', summary: [] });
    return { ...item, text: '', head: undefined };
  }

  #openSummary({ id, index }: ReasoningItem): string {
    const place = { item_id: id, output_index: index, summary_index: 0 };
    this.#emit('response.reasoning_summary_part.added', { ...place, part: { type: 'summary_text', text: '' } });
    return this.#head('response.reasoning_summary_text.delta', place);
  }

  /** Only OpenAI's own encrypted reasoning has a form here. */
  #addOpaque({ dialect, form, data }: Opaque): void {
    if (dialect !== 'openai-responses' || form !== 'encrypted') return;
    this.#closeMessage();
    this.#reasoning ??= this.#openReasoning();
    this.#closeReasoning(data);
  }

  #closeReasoning(encrypted: string = MADE_UP_OPAQUE): void {
    const item = this.#reasoning;
    if (item === undefined) return;
    this.#reasoning = undefined;
    const { id, index, text, head } = item;
    const summary = head === undefined ? [] : [{ type: 'summary_text', text }];
    if (head !== undefined) {
      const place = { item_id: id, output_index: index, summary_index: 0 };
      this.#emit('response.reasoning_summary_text.done', { ...place, text });
      this.#emit('response.reasoning_summary_part.done', { ...place, part: summary[0] });
    }
    this.#done(item, { id, type: 'reasoning', summary, encrypted_content: encrypted });
  }

  #startCall(callId: string, name: string): void {
    if (this.#calls.has(callId)) return;
    this.#closeMessage();
    this.#closeReasoning();
    const item = this.#nextItem('fc');
    const head = this.#head('response.function_call_arguments.delta', { item_id: item.id, output_index: item.index });
    const call: CallItem = { ...item, callId, name, head, args: '' };
    this.#calls.set(callId, call);
    this.#add(item, callObject(call, 'in_progress'));
  }

  #addArgs(call: CallItem, text: string): void {
    if (text === '') return;
    call.args += text;
    this.#delta(call.head, text);
  }

  #closeCall(call: CallItem, id: string): void {
    this.#calls.delete(id);
    if (call.args === '' && this.#itemStatus === 'completed') this.#addArgs(call, '{}'); // clients parse it as it is
    const place = { item_id: call.id, output_index: call.index };
    this.#emit('response.function_call_arguments.done', { ...place, name: call.name, arguments: call.args });
    this.#done(call, callObject(call, this.#itemStatus));
  }
}

function contentPart(kind: 'text' | 'refusal', text: string): Values {
  return kind === 'text'
    ? { type: 'output_text', annotations: [], logprobs: [], text }
    : { type: 'refusal', refusal: text };
}

function callObject({ id, callId, name, args }: CallItem, status: 'in_progress' | 'completed' | 'incomplete'): Values {
  return { id, type: 'function_call', status, arguments: args, call_id: callId, name };
}
