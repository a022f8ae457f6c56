// SPDX-License-Identifier: Apache-2.0
// Chat Completions: hub events as the caller's answer, whole or as server-sent chunks. Owns the rules of that envelope: the role first,
// one chunk that finishes, usage in a chunk of its own and only if asked for, `[DONE]` last. Errors are worded by the dialect, not here.

import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { sequential } from '../../hub/sequential.ts';
import type { Values } from '../../json/values.ts';

const NOTHING = Buffer.alloc(0);

export function createChatEncoder(options: EncoderOptions): AnswerEncoder {
  return options.framing === undefined ? new DocumentEncoder(options) : new StreamEncoder(options);
}

/** `pause` and `error` have no word of their own: the answer is not whole, as after the limit. */
function finishReason(stop: StopClass, refused: boolean): string {
  switch (stop) {
    case 'tool-use':
      return 'tool_calls';
    case 'length':
    case 'pause':
    case 'error':
      return 'length';
    case 'content-filter':
      return 'content_filter';
    case 'refusal':
      // With a text of refusal this dialect stops as usual.
      return refused ? 'stop' : 'content_filter';
    case 'stop':
    case 'other':
      return 'stop';
  }
}

/** undefined: nothing is known, and zeros would be a claim. */
function usageObject(usage: Usage | undefined): Values | undefined {
  if (usage === undefined || (usage.input === undefined && usage.output === undefined)) return undefined;
  const { input = 0, output = 0, cacheRead, cacheWrite, reasoning } = usage;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: {
      cached_tokens: cacheRead ?? 0,
      ...(cacheWrite === undefined ? {} : { cache_write_tokens: cacheWrite }),
    },
    completion_tokens_details: { reasoning_tokens: reasoning ?? 0 },
  };
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly args: string[];
}

class DocumentEncoder implements AnswerEncoder {
  readonly contentType = 'application/json';
  readonly #options: EncoderOptions;
  readonly #text: string[] = [];
  readonly #refusal: string[] = [];
  readonly #reasoning: string[] = [];
  readonly #calls = new Map<string, Call>();
  #stop: StopClass = 'stop';
  #usage: Usage | undefined;

  constructor(options: EncoderOptions) {
    this.#options = options;
  }

  push(event: HubEvent): Buffer {
    switch (event.kind) {
      case 'text':
        this.#text.push(event.text);
        break;
      case 'refusal':
        this.#refusal.push(event.text);
        break;
      case 'reasoning':
        this.#reasoning.push(event.text);
        break;
      case 'tool-start':
        this.#calls.set(event.id, { id: event.id, name: event.name, args: [] });
        break;
      case 'tool-args':
        this.#calls.get(event.id)?.args.push(event.text);
        break;
      case 'usage':
        this.#usage = event.usage;
        break;
      case 'stop':
        this.#stop = event.stop;
        break;
    }
    return NOTHING;
  }

  end(): Buffer {
    const { id, createdAt, model } = this.#options;
    const text = this.#text.join('');
    const refusal = this.#refusal.join('');
    const reasoning = this.#reasoning.join('');
    const calls = [...this.#calls.values()].map(({ id, name, args }) => ({
      id,
      type: 'function',
      function: { name, arguments: args.join('') || '{}' },
    }));
    const usage = usageObject(this.#usage);
    const message = {
      role: 'assistant',
      content: text === '' && (calls.length > 0 || refusal !== '') ? null : text,
      refusal: refusal === '' ? null : refusal,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
    const choice = { index: 0, message, logprobs: null, finish_reason: finishReason(this.#stop, refusal !== '') };
    const body = { id: `chatcmpl-${id}`, object: 'chat.completion', created: createdAt, model, choices: [choice] };
    return Buffer.from(JSON.stringify(usage === undefined ? body : { ...body, usage }));
  }
}

class StreamEncoder implements AnswerEncoder {
  readonly contentType = 'text/event-stream';
  readonly #streamUsage: boolean;
  /** All of a chunk before its choices. */
  readonly #head: string;
  readonly #tail: string;
  /** SDKs finish a call when the next one begins, so pieces of two calls never mix here. */
  readonly #next: (event: HubEvent) => void;
  readonly #indices = new Map<string, number>();
  #out = '';
  #started = false;
  #refused = false;
  #finished = false;
  /** Has the open call any arguments? */
  #hasArgs = false;
  #usage: Usage | undefined;

  constructor({ id, createdAt, model, request }: EncoderOptions) {
    this.#streamUsage = request.streamUsage;
    const head = JSON.stringify({ id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: createdAt, model });
    this.#head = `data: ${head.slice(0, -1)},"choices":[`;
    this.#tail = request.streamUsage ? '],"usage":null}\n\n' : ']}\n\n';
    this.#next = sequential((event) => this.#event(event));
  }

  push(event: HubEvent): Buffer {
    this.#next(event);
    return this.#taken();
  }

  end(): Buffer {
    if (!this.#finished) this.#next({ kind: 'stop', stop: 'stop' });
    const usage = this.#streamUsage ? usageObject(this.#usage) : undefined;
    if (usage !== undefined) this.#out += `${this.#head}],"usage":${JSON.stringify(usage)}}\n\n`;
    this.#out += 'data: [DONE]\n\n';
    return this.#taken();
  }

  #taken(): Buffer {
    if (this.#out === '') return NOTHING;
    const bytes = Buffer.from(this.#out);
    this.#out = '';
    return bytes;
  }

  #event(event: HubEvent): void {
    switch (event.kind) {
      case 'start':
        return this.#start();
      case 'text':
        return this.#delta(`{"content":${JSON.stringify(event.text)}}`);
      case 'refusal':
        this.#refused = true;
        return this.#delta(`{"refusal":${JSON.stringify(event.text)}}`);
      case 'reasoning':
        return this.#delta(`{"reasoning_content":${JSON.stringify(event.text)}}`);
      case 'tool-start': {
        const index = this.#indices.size;
        this.#indices.set(event.id, index);
        this.#hasArgs = false;
        const call = `"id":${JSON.stringify(event.id)},"type":"function"`;
        const inner = `{"name":${JSON.stringify(event.name)},"arguments":""}`;
        return this.#delta(`{"tool_calls":[{"index":${index},${call},"function":${inner}}]}`);
      }
      case 'tool-args':
        return this.#args(event.id, event.text);
      case 'tool-end':
        // Clients parse the arguments.
        return this.#hasArgs ? undefined : this.#args(event.id, '{}');
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'stop':
        this.#start();
        this.#finished = true;
        this.#choice('{}', JSON.stringify(finishReason(event.stop, this.#refused)));
    }
  }

  #args(id: string, text: string): void {
    const index = this.#indices.get(id);
    if (index === undefined || text === '') return;
    this.#hasArgs = true;
    this.#delta(`{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(text)}}}]}`);
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#choice('{"role":"assistant","content":"","refusal":null}', 'null');
  }

  #delta(delta: string): void {
    this.#start();
    this.#choice(delta, 'null');
  }

  #choice(delta: string, finish: string): void {
    this.#out += `${this.#head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}${this.#tail}`;
  }
}
