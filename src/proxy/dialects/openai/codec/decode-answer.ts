// SPDX-License-Identifier: Apache-2.0
// Chat Completions: answers of OpenAI and the hosts that imitate it, whole and streamed, to hub events. Reads all their variants;
// never throws. Judges no truncation: the reader of the dialect does.

import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import type { HubEvent } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../../json/values.ts';
import { classifyError } from '../../shared/error-class.ts';
import { NO_USAGE } from '../../shared/no-usage.ts';
import { CHAT_STOPS } from '../chat.ts';
import { openaiUsage } from '../usage.ts';
import { CallPieces } from './call-pieces.ts';
import { thinkingText } from './decode-messages.ts';

export class ChatAnswerDecoder implements AnswerDecoder {
  readonly #calls = new CallPieces();
  /** Text that came while calls were open, which other dialects cannot interleave. */
  readonly #late: HubEvent[] = [];
  readonly #told = new Set<LossCode>();
  #usage: Partial<Usage> | undefined;
  #stop: { readonly class: StopClass; readonly sequence: string | undefined } | undefined;
  #started = false;
  #refused = false;
  /** After an error, or the end: nothing more is said. */
  #over = false;

  event(value: unknown): readonly HubEvent[] {
    const out: HubEvent[] = [];
    if (!this.#over) this.#chunk(asObject(value), out);
    return out;
  }

  document(value: unknown): readonly HubEvent[] {
    const out: HubEvent[] = [];
    if (this.#over) return out;
    const body = asObject(value);
    this.#chunk(body, out);
    if (this.#over) return out;
    if (asArray(body?.['choices']).length === 0) {
      this.#over = true;
      return [{ kind: 'error', class: 'unknown', code: undefined }];
    }
    return [...out, ...this.end()];
  }

  /** Usage waits for the end: it may come with any chunk, in several, and before or after the last piece. */
  end(): readonly HubEvent[] {
    const out: HubEvent[] = [];
    if (this.#over) return out;
    this.#over = true;
    if (!this.#started) out.push({ kind: 'start', id: undefined, model: undefined });
    if (this.#stop === undefined) this.#finish(this.#calls.any ? 'tool-use' : 'stop', undefined, out);
    if (this.#usage !== undefined) out.push({ kind: 'usage', usage: { ...NO_USAGE, ...this.#usage } });
    return out;
  }

  #chunk(body: Values | undefined, out: HubEvent[]): void {
    const choices = body?.['choices'];
    const groq = asObject(body?.['x_groq']);
    const usage = openaiUsage(body?.['usage']) ?? openaiUsage(groq?.['usage']);
    this.#count(usage);
    const error = body?.['error'] ?? groq?.['error'];
    if (hasContent(error)) return this.#fail(error, out);
    if (body === undefined || (!Array.isArray(choices) && usage === undefined)) return this.#lose('unknown-event', out);
    for (const item of asArray(choices)) {
      const choice = asObject(item);
      if (choice === undefined) continue;
      if ((choice['index'] ?? 0) !== 0) this.#lose('unknown-event', out);
      else this.#choice(choice, body, out);
      if (this.#over) return;
    }
  }

  #choice(choice: Values, body: Values, out: HubEvent[]): void {
    // Azure's first chunk has no choices, id or model; the answer starts with the one that has.
    if (!this.#started) {
      this.#started = true;
      out.push({ kind: 'start', id: asString(body['id']) || undefined, model: asString(body['model']) || undefined });
    }
    if (hasContent(choice['error'])) return this.#fail(choice['error'], out);
    // Moonshot counts inside the choice.
    this.#count(openaiUsage(choice['usage']));
    const message = asObject(choice['delta']) ?? asObject(choice['message']);
    if (message !== undefined) this.#message(message, out);
    const reason = choice['finish_reason'];
    // OpenRouter says it twice: the first one stays.
    if (typeof reason !== 'string' || reason === '' || this.#stop !== undefined) return;
    const stop = CHAT_STOPS.get(reason.toLowerCase()) ?? 'other';
    if (stop === 'error') return this.#fail({ code: reason, type: 'server_error' }, out);
    // vLLM's own member.
    this.#finish(stop, asString(choice['stop_reason']), out);
  }

  #message(message: Values, out: HubEvent[]): void {
    // Hosts that send two of them send the same text twice.
    const reasoning =
      asString(message['reasoning_content']) || asString(message['reasoning']) || asString(message['thinking']);
    if (reasoning) this.#piece('reasoning', reasoning, out);
    const content = message['content'];
    if (typeof content === 'string') this.#piece('text', content, out);
    else if (Array.isArray(content)) for (const part of content) this.#part(asObject(part), out);
    const refusal = message['refusal'];
    if (typeof refusal === 'string') this.#piece('refusal', refusal, out);
    for (const call of asArray(message['tool_calls'])) {
      if (this.#stop !== undefined || !this.#calls.read(call, out)) this.#lose('unknown-event', out);
    }
    if (hasContent(message['annotations'])) this.#lose('citations', out);
    if (hasContent(message['audio']) || hasContent(message['function_call'])) this.#lose('unknown-event', out);
  }

  /** Mistral's lists. */
  #part(part: Values | undefined, out: HubEvent[]): void {
    switch (part?.['type']) {
      case 'text':
        return this.#piece('text', asString(part['text']) ?? '', out);
      case 'thinking':
        return this.#piece('reasoning', thinkingText(part['thinking']), out);
      case 'reference':
        return this.#lose('citations', out);
      default:
        this.#lose('unknown-event', out);
    }
  }

  #piece(kind: 'text' | 'reasoning' | 'refusal', text: string, out: HubEvent[]): void {
    if (text === '') return;
    if (kind === 'refusal') this.#refused = true;
    if (this.#stop !== undefined) this.#lose('unknown-event', out);
    else if (this.#calls.any) this.#late.push({ kind, text });
    else out.push({ kind, text });
  }

  #finish(stop: StopClass, sequence: string | undefined, out: HubEvent[]): void {
    const called = this.#calls.any;
    if (!this.#calls.close(out)) this.#lose('unknown-event', out);
    for (const event of this.#late) out.push(event);
    // Some hosts say "stop" after calls.
    const refined = stop !== 'stop' ? stop : this.#refused ? 'refusal' : called ? 'tool-use' : 'stop';
    this.#stop = { class: refined, sequence };
    out.push({ kind: 'stop', stop: refined, ...(refined === 'stop' && sequence ? { sequence } : {}) });
  }

  /** xAI counts with every chunk: the last figures stand. */
  #count(usage: Partial<Usage> | undefined): void {
    if (usage?.input !== undefined || usage?.output !== undefined) this.#usage = usage;
  }

  #fail(error: unknown, out: HubEvent[]): void {
    this.#over = true;
    out.push({ kind: 'error', ...classifyError({ error }, undefined) });
  }

  /** Once each: a stream could repeat it in every chunk. */
  #lose(code: LossCode, out: HubEvent[]): void {
    if (this.#told.has(code)) return;
    this.#told.add(code);
    out.push({ kind: 'loss', loss: { code, at: '' } });
  }
}
