// SPDX-License-Identifier: Apache-2.0
// Hub events as an answer of Cohere's v2 chat, streamed or whole. One part ends before the next begins; there is no `[DONE]`.

import { assertNever } from '../../../../contract/assert-never.ts';
import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { sequential } from '../../hub/sequential.ts';
import type { Values } from '../../json/values.ts';

const NOTHING = Buffer.alloc(0);

interface OpenContent {
  readonly kind: 'text' | 'thinking';
  readonly index: number;
  text: string;
}

interface OpenCall {
  readonly id: string;
  readonly name: string;
  readonly index: number;
  args: string;
}

export function createEncoder(options: EncoderOptions): AnswerEncoder {
  return new CohereEncoder(options);
}

class CohereEncoder implements AnswerEncoder {
  readonly contentType: string;
  readonly #options: EncoderOptions;
  readonly #streams: boolean;
  readonly #one: (event: HubEvent) => void;
  #wire = '';
  #started = false;
  readonly #content: Values[] = [];
  readonly #calls: Values[] = [];
  #open: OpenContent | undefined;
  #call: OpenCall | undefined;
  #stop: { readonly stop: StopClass; readonly sequence?: string } = { stop: 'stop' };
  #usage: Usage | undefined;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#streams = options.framing !== undefined;
    this.#one = sequential((event) => this.#write(event));
    this.contentType = this.#streams ? 'text/event-stream' : 'application/json';
  }

  push(event: HubEvent): Buffer {
    this.#one(event);
    return this.#take();
  }

  end(): Buffer {
    this.#one({ kind: 'stop', ...this.#stop }); // closes calls whose end nobody told
    this.#start();
    this.#closeContent();
    const delta = { finish_reason: finishWord(this.#stop), usage: usageObject(this.#usage) };
    if (this.#streams) {
      this.#emit('message-end', { id: this.#options.id, delta });
      return this.#take();
    }
    const message = {
      role: 'assistant',
      ...(this.#content.length === 0 ? {} : { content: this.#content }),
      ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls }),
    };
    return Buffer.from(JSON.stringify({ id: this.#options.id, message, ...delta }));
  }

  #take(): Buffer {
    if (this.#wire === '') return NOTHING;
    const wire = this.#wire;
    this.#wire = '';
    return Buffer.from(wire);
  }

  #emit(type: string, members: Values): void {
    if (this.#streams) this.#wire += `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
  }

  #write(event: HubEvent): void {
    if (event.kind !== 'loss' && event.kind !== 'error') this.#start();
    switch (event.kind) {
      case 'start':
      case 'loss':
      case 'error': // how a stream fails is the dialect's `streamError`
      case 'reasoning-opaque': // no such thing here
        return;
      case 'text':
      case 'refusal':
        this.#addContent('text', event.text);
        return;
      case 'reasoning':
        if (this.#options.request.reasoning?.visible !== false) this.#addContent('thinking', event.text);
        return;
      case 'part-end':
        this.#closeContent();
        return;
      case 'tool-start':
        this.#closeContent();
        this.#startCall(event.id, event.name);
        return;
      case 'tool-args':
        this.#addArgs(event.text);
        return;
      case 'tool-end':
        this.#endCall();
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'stop':
        this.#stop = event;
        return;
      default:
        assertNever(event);
    }
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    const message = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] };
    this.#emit('message-start', { id: this.#options.id, delta: { message } });
  }

  #addContent(kind: 'text' | 'thinking', text: string): void {
    if (text === '') return;
    if (this.#open?.kind !== kind) this.#closeContent();
    if (this.#open === undefined) {
      this.#open = { kind, index: this.#content.length, text: '' };
      const content = { type: kind, [kind]: '' };
      this.#emit('content-start', { index: this.#open.index, delta: { message: { content } } });
    }
    this.#open.text += text;
    this.#emit('content-delta', { index: this.#open.index, delta: { message: { content: { [kind]: text } } } });
  }

  #closeContent(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#content.push({ type: open.kind, [open.kind]: open.text });
    this.#emit('content-end', { index: open.index });
  }

  #startCall(id: string, name: string): void {
    const index = this.#calls.length;
    this.#call = { id, name, index, args: '' };
    const message = { tool_calls: { id, type: 'function', function: { name, arguments: '' } } };
    this.#emit('tool-call-start', { index, delta: { message } });
  }

  #addArgs(text: string): void {
    const call = this.#call;
    if (call === undefined || text === '') return;
    call.args += text;
    const message = { tool_calls: { function: { arguments: text } } };
    this.#emit('tool-call-delta', { index: call.index, delta: { message } });
  }

  #endCall(): void {
    const call = this.#call;
    if (call === undefined) return;
    if (call.args === '') this.#addArgs('{}'); // clients parse it as it is
    this.#call = undefined;
    const { id, name, index, args } = call;
    this.#calls.push({ id, type: 'function', function: { name, arguments: args } });
    this.#emit('tool-call-end', { index });
  }
}

function finishWord({ stop, sequence }: { readonly stop: StopClass; readonly sequence?: string }): string {
  switch (stop) {
    case 'length':
      return 'MAX_TOKENS';
    case 'tool-use':
      return 'TOOL_CALL';
    case 'content-filter':
      return 'ERROR_TOXIC';
    case 'error':
      return 'ERROR';
    default:
      return sequence === undefined ? 'COMPLETE' : 'STOP_SEQUENCE';
  }
}

/** What came from the cache is not billed. Without counts there is no such object. */
function usageObject(usage: Usage | undefined): Values | undefined {
  if (usage === undefined) return undefined;
  const { input = 0, output = 0, cacheRead } = usage;
  return {
    billed_units: { input_tokens: Math.max(0, input - (cacheRead ?? 0)), output_tokens: output },
    tokens: { input_tokens: input, output_tokens: output },
    ...(cacheRead === undefined ? {} : { cached_tokens: cacheRead }),
  };
}
