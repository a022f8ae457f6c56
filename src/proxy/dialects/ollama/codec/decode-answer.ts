// SPDX-License-Identifier: Apache-2.0
// Ollama's chat answers to hub events: each line of a stream has the shape of a whole answer. Never throws.

import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../../json/values.ts';
import { argsText } from '../../openai/codec/decode-messages.ts';
import { classifyError } from '../../shared/error-class.ts';
import { NO_USAGE } from '../../shared/no-usage.ts';
import { OLLAMA_STOPS, ollamaUsage } from '../dialect.ts';

export class OllamaAnswerDecoder implements AnswerDecoder {
  readonly #ids = new Set<string>();
  #started = false;
  #stopped = false;
  #over = false;
  #toldLoss = false;

  event(value: unknown): readonly HubEvent[] {
    const out: HubEvent[] = [];
    if (this.#over || this.#stopped) return out;
    const body = asObject(value);
    if (hasContent(body?.['error'])) {
      this.#over = true;
      return [{ kind: 'error', ...classifyError(body, undefined) }];
    }
    if (body === undefined || typeof body['done'] !== 'boolean') {
      this.#lose(out);
      return out;
    }
    this.#start(asString(body['model']), out);
    const message = asObject(body['message']);
    if (message !== undefined) this.#message(message, out);
    if (body['done'] === true) this.#stop(body, out);
    return out;
  }

  document(value: unknown): readonly HubEvent[] {
    const events = this.event(value);
    if (this.#started || this.#over) return [...events, ...this.end()];
    this.#over = true;
    return [{ kind: 'error', class: 'unknown', code: undefined }];
  }

  end(): readonly HubEvent[] {
    const out: HubEvent[] = [];
    if (this.#over || this.#stopped) return out;
    this.#start(undefined, out);
    this.#stop({}, out);
    return out;
  }

  #start(model: string | undefined, out: HubEvent[]): void {
    if (this.#started) return;
    this.#started = true;
    out.push({ kind: 'start', id: undefined, model: model || undefined });
  }

  #message(message: Values, out: HubEvent[]): void {
    const thinking = asString(message['thinking']) ?? '';
    if (thinking !== '') out.push({ kind: 'reasoning', text: thinking });
    const text = asString(message['content']) ?? '';
    if (text !== '') out.push({ kind: 'text', text });
    for (const call of asArray(message['tool_calls'])) this.#call(asObject(call), out);
    if (hasContent(message['images'])) this.#lose(out);
  }

  /** Calls come whole. Older servers give them no id. */
  #call(call: Values | undefined, out: HubEvent[]): void {
    const inner = asObject(call?.['function']);
    const name = asString(inner?.['name']) ?? '';
    const args = argsText(inner?.['arguments']);
    if (name === '' || args === undefined) return this.#lose(out);
    let id = asString(call?.['id']) || `call_${this.#ids.size}`;
    for (let n = this.#ids.size; this.#ids.has(id); n++) id = `call_${n}`;
    this.#ids.add(id);
    out.push({ kind: 'tool-start', id, name });
    if (args !== '') out.push({ kind: 'tool-args', id, text: args });
    out.push({ kind: 'tool-end', id });
  }

  #stop(body: Values, out: HubEvent[]): void {
    this.#stopped = true;
    const word = asString(body['done_reason']) ?? 'stop';
    const stop: StopClass = OLLAMA_STOPS.get(word) ?? 'other';
    out.push({ kind: 'stop', stop: stop === 'stop' && this.#ids.size > 0 ? 'tool-use' : stop });
    const usage: Usage = { ...NO_USAGE, ...ollamaUsage(body) };
    if (usage.input !== undefined || usage.output !== undefined) out.push({ kind: 'usage', usage });
  }

  #lose(out: HubEvent[]): void {
    if (this.#toldLoss) return;
    this.#toldLoss = true;
    out.push({ kind: 'loss', loss: { code: 'unknown-event', at: '' } });
  }
}
