// SPDX-License-Identifier: Apache-2.0
// Answers of Cohere's v2 chat to hub events. The plan before tool calls is text; citations are a loss.

import type { AnswerDecoder } from '../../hub/codec.ts';
import { EventQueue } from '../../hub/event-queue.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { asArray, asObject, asString, asWord, hasContent, type Values } from '../../json/values.ts';
import { COHERE_STOPS, cohereUsage, inBandClass } from '../dialect.ts';

/** Where the plan stands among the texts: before all numbered ones. */
const PLAN = -1;

export function createDecoder(): AnswerDecoder {
  return new CohereDecoder();
}

class CohereDecoder implements AnswerDecoder {
  readonly #out = new EventQueue();
  #started = false;
  #ended = false;
  /** Kind and index of the last text: another index is another part. */
  #place: { readonly kind: 'text' | 'reasoning'; readonly index: unknown } | undefined;
  /** Calls that are open, by the provider's index. */
  readonly #open = new Map<unknown, string>();
  readonly #ids = new Set<string>();

  event(value: unknown, name: string): readonly HubEvent[] {
    const event = asObject(value);
    if (event === undefined) this.#out.lose('unknown-event');
    else if (!this.#ended) this.#read(asString(event['type']) ?? name, event);
    return this.#out.take();
  }

  document(value: unknown): readonly HubEvent[] {
    const body = asObject(value);
    const message = asObject(body?.['message']);
    if (body === undefined || message === undefined) {
      this.#fail(undefined, undefined);
      return this.#out.take();
    }
    this.#start(body['id']);
    if (hasContent(message['citations'])) this.#out.lose('citations');
    this.#text('text', PLAN, message['tool_plan']);
    for (const [index, value] of asArray(message['content']).entries()) {
      const part = asObject(value);
      if (part?.['type'] === 'text' || part?.['type'] === 'thinking') this.#content(index, part);
      else this.#out.lose('unknown-event');
    }
    for (const [index, call] of asArray(message['tool_calls']).entries()) {
      this.#startCall(index, asObject(call));
      this.#endCall(index);
    }
    this.#finish(body['finish_reason'], body['usage'], undefined);
    return this.#out.take();
  }

  end(): readonly HubEvent[] {
    this.#closeCalls();
    return this.#out.take();
  }

  #read(type: string, event: Values): void {
    if (type !== 'message-start') this.#start(undefined);
    const index = event['index'];
    const delta = asObject(event['delta']);
    const message = asObject(delta?.['message']);
    switch (type) {
      case 'content-delta':
      case 'content-start':
        this.#content(index, asObject(message?.['content']));
        return;
      case 'tool-call-delta': {
        const call = asObject(message?.['tool_calls']);
        this.#args(
          this.#open.get(index) ?? [...this.#open.values()].at(-1),
          asObject(call?.['function'])?.['arguments'],
        );
        return;
      }
      case 'tool-call-start':
        this.#startCall(index, asObject(message?.['tool_calls']));
        return;
      case 'tool-call-end':
        this.#endCall(index);
        return;
      case 'tool-plan-delta':
        this.#text('text', PLAN, message?.['tool_plan']);
        return;
      case 'message-start':
        this.#start(event['id']);
        return;
      case 'message-end':
        this.#finish(delta?.['finish_reason'], delta?.['usage'], delta?.['error']);
        return;
      case 'citation-start':
        this.#out.lose('citations');
        return;
      case 'content-end':
      case 'citation-end':
      case 'debug':
        return;
      default:
        this.#out.lose('unknown-event');
    }
  }

  #start(id: unknown): void {
    if (this.#started) return;
    this.#started = true;
    this.#out.push({ kind: 'start', id: asWord(id, 256), model: undefined }); // Cohere does not name its model
  }

  #fail(error: unknown, reason: unknown): void {
    this.#ended = true;
    this.#out.push({
      kind: 'error',
      class: hasContent(error) ? inBandClass(error) : 'server',
      code: asWord(reason, 64),
    });
  }

  #content(index: unknown, content: Values | undefined): void {
    this.#text('reasoning', index, content?.['thinking']);
    this.#text('text', index, content?.['text']);
  }

  #text(kind: 'text' | 'reasoning', index: unknown, text: unknown): void {
    if (typeof text !== 'string' || text === '') return;
    const last = this.#place;
    if (last?.kind !== kind || last.index !== index) {
      if (last?.kind === kind) this.#out.push({ kind: 'part-end' });
      this.#place = { kind, index };
    }
    this.#out.push({ kind, text });
  }

  #startCall(index: unknown, call: Values | undefined): void {
    const called = asObject(call?.['function']);
    const name = asString(called?.['name']);
    if (!name) {
      this.#out.lose('unknown-event');
      return;
    }
    this.#endCall(index);
    let id = asString(call?.['id']) || `call_${this.#ids.size}`;
    while (this.#ids.has(id)) id = `${id}_${this.#ids.size}`;
    this.#ids.add(id);
    this.#open.set(index, id);
    this.#place = undefined;
    this.#out.push({ kind: 'tool-start', id, name });
    this.#args(id, called?.['arguments']);
  }

  #args(id: string | undefined, text: unknown): void {
    if (id !== undefined && typeof text === 'string' && text !== '') this.#out.push({ kind: 'tool-args', id, text });
  }

  #endCall(index: unknown): void {
    const id = this.#open.get(index);
    if (id === undefined) return;
    this.#open.delete(index);
    this.#out.push({ kind: 'tool-end', id });
  }

  #closeCalls(): void {
    for (const index of [...this.#open.keys()]) this.#endCall(index);
  }

  #finish(reason: unknown, usage: unknown, error: unknown): void {
    const stop = COHERE_STOPS.get(asString(reason) ?? '') ?? 'other';
    if (hasContent(error) || stop === 'error') {
      this.#fail(error, reason);
      return;
    }
    this.#ended = true;
    this.#closeCalls();
    const counts = cohereUsage(usage);
    if (counts !== undefined) {
      const { input, output, cacheRead } = counts;
      this.#out.push({
        kind: 'usage',
        usage: { input, output, cacheRead, cacheWrite: undefined, reasoning: undefined },
      });
    }
    // A plain end after calls is an end for the sake of the calls.
    this.#out.push({ kind: 'stop', stop: stop === 'stop' && this.#ids.size > 0 ? 'tool-use' : stop });
  }
}
