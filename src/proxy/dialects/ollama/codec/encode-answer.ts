// SPDX-License-Identifier: Apache-2.0
// Hub events as Ollama's chat answer: one document, or lines of which the last one has `done`, the reason and the counts. Calls go out
// whole, with their arguments as an object.

import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject, type Values } from '../../json/values.ts';

const NOTHING = Buffer.alloc(0);

interface Call {
  readonly name: string;
  readonly args: string[];
}

export class OllamaAnswerEncoder implements AnswerEncoder {
  readonly contentType: string;
  readonly #stream: boolean;
  readonly #model: string;
  readonly #createdAt: string;
  /** All of a line before the content of its message. */
  readonly #head: string;
  readonly #open = new Map<string, Call>();
  readonly #ended = new Set<string>();
  readonly #text: string[] = [];
  readonly #thinking: string[] = [];
  readonly #calls: Values[] = [];
  #stop: StopClass = 'stop';
  #broken = false;
  #usage: Usage | undefined;

  constructor({ framing, model, createdAt }: EncoderOptions) {
    this.#stream = framing !== undefined;
    this.contentType = this.#stream ? 'application/x-ndjson' : 'application/json';
    this.#model = model;
    this.#createdAt = rfc3339(createdAt);
    const head = JSON.stringify({ model, created_at: this.#createdAt });
    this.#head = `${head.slice(0, -1)},"message":{"role":"assistant","content":`;
  }

  push(event: HubEvent): Buffer {
    switch (event.kind) {
      case 'text':
      case 'refusal':
        return this.#piece(this.#text, event.text, (text) => text);
      case 'reasoning':
        return this.#piece(this.#thinking, event.text, (text) => `"","thinking":${text}`);
      case 'tool-start':
        this.#open.set(event.id, { name: event.name, args: [] });
        return NOTHING;
      case 'tool-args':
        this.#open.get(event.id)?.args.push(event.text);
        return NOTHING;
      case 'tool-end':
        return this.#callsUpTo(event.id);
      case 'usage':
        this.#usage = event.usage;
        return NOTHING;
      case 'stop':
        this.#stop = event.stop;
        return NOTHING;
      default:
        return NOTHING;
    }
  }

  end(): Buffer {
    const left = [...this.#open.keys()].map((id) => this.#callEnd(id));
    const thinking = this.#thinking.join('');
    const body = {
      model: this.#model,
      created_at: this.#createdAt,
      message: {
        role: 'assistant',
        content: this.#text.join(''),
        ...(thinking === '' ? {} : { thinking }),
        ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls }),
      },
      done: true,
      done_reason: this.#reason(),
      ...(this.#usage?.input === undefined ? {} : { prompt_eval_count: this.#usage.input }),
      ...(this.#usage?.cacheRead === undefined ? {} : { prompt_eval_cached_count: this.#usage.cacheRead }),
      ...(this.#usage?.output === undefined ? {} : { eval_count: this.#usage.output }),
    };
    return Buffer.concat([...left, Buffer.from(`${JSON.stringify(body)}${this.#stream ? '\n' : ''}`)]);
  }

  /** In a stream each piece goes out as a line; `content` says how, from the JSON text of the piece. */
  #piece(kept: string[], text: string, content: (json: string) => string): Buffer {
    if (this.#stream) return this.#line(content(JSON.stringify(text)));
    kept.push(text);
    return NOTHING;
  }

  #line(content: string): Buffer {
    return Buffer.from(`${this.#head}${content}},"done":false}\n`);
  }

  /** Calls go out in the order of their starts: some callers know them by their place only. */
  #callsUpTo(id: string): Buffer {
    this.#ended.add(id);
    const out: Buffer[] = [];
    for (const first of this.#open.keys()) {
      if (!this.#ended.has(first)) break;
      out.push(this.#callEnd(first));
    }
    return Buffer.concat(out);
  }

  #callEnd(id: string): Buffer {
    const call = this.#open.get(id);
    if (call === undefined) return NOTHING;
    this.#open.delete(id);
    const text = call.args.join('');
    const args = text.trim() === '' ? {} : asObject(parseExact(text));
    if (args === undefined) {
      // Cut off by a limit, or no JSON: half a call must not be run, and the answer is not whole.
      this.#broken = true;
      return NOTHING;
    }
    const whole = { id, function: { name: call.name, arguments: args } };
    if (this.#stream) return this.#line(`"","tool_calls":[${JSON.stringify(whole)}]`);
    this.#calls.push(whole);
    return NOTHING;
  }

  #reason(): string {
    const cut = this.#stop === 'length' || this.#stop === 'pause' || this.#stop === 'error';
    return cut || this.#broken ? 'length' : 'stop';
  }
}

/** `seconds`: Unix time; beyond what a date can say, its beginning. */
function rfc3339(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}
