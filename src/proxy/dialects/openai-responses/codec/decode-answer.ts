// SPDX-License-Identifier: Apache-2.0
// Answers of the Responses API to hub events. Each piece is said up to four times (delta, done, item, response) and hosts leave out
// some of them: what was not seen before is taken from the next that has it.

import type { AnswerDecoder } from '../../hub/codec.ts';
import { EventQueue } from '../../hub/event-queue.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { opaqueIn } from '../../hub/made-up.ts';
import { asArray, asObject, asString, asWord, hasContent, type Values } from '../../json/values.ts';
import { openaiUsage } from '../../openai/usage.ts';
import { classifyError } from '../../shared/error-class.ts';
import { NO_USAGE } from '../../shared/no-usage.ts';
import { RESPONSES_STOPS, withoutType } from '../answer.ts';

/** What has been told of one output item. */
interface ItemState {
  /** Content parts (or summary parts) of which text was passed on. */
  readonly seen: Set<number>;
  /** A host may send raw reasoning and its summary: the first kind that comes is told. */
  reasoning: 'summary' | 'content' | undefined;
  opaque: boolean;
  call: { readonly id: string; hasArgs: boolean; ended: boolean } | undefined;
}

export function createDecoder(): AnswerDecoder {
  return new ResponsesDecoder();
}

class ResponsesDecoder implements AnswerDecoder {
  readonly #out = new EventQueue();
  #started = false;
  #stopped = false;
  #usage = false;
  #failed = false;
  #refused = false;
  readonly #items = new Map<number | string, ItemState>();
  /** The same items by their ids and the ids of their calls, where they have told them. */
  readonly #byId = new Map<string, ItemState>();
  readonly #callIds = new Set<string>();
  /** Where the last text or reasoning piece belonged: another place is another part. */
  #place: { readonly kind: string; readonly item: ItemState; readonly index: number } | undefined;

  event(value: unknown, name: string): readonly HubEvent[] {
    const event = asObject(value);
    if (event === undefined) this.#out.lose('unknown-event');
    else if (!this.#failed) this.#read(asString(event['type']) ?? name, event);
    return this.#out.take();
  }

  document(value: unknown): readonly HubEvent[] {
    const response = asObject(value);
    if (response === undefined || (!Array.isArray(response['output']) && !hasContent(response['error']))) {
      this.#fail({ class: 'unknown', code: undefined });
    } else this.#finish(response, asString(response['status']) ?? 'completed');
    return this.#out.take();
  }

  end(): readonly HubEvent[] {
    this.#closeCalls();
    return this.#out.take();
  }

  #read(type: string, event: Values): void {
    switch (type) {
      case 'response.output_text.delta':
        this.#text('text', event, event['delta'], 'delta');
        return;
      case 'response.function_call_arguments.delta':
        this.#args(this.#item(event), event['delta'], false);
        return;
      case 'response.reasoning_summary_text.delta':
        this.#reasoning('summary', event, event['delta'], 'delta');
        return;
      case 'response.reasoning_text.delta':
        this.#reasoning('content', event, event['delta'], 'delta');
        return;
      case 'response.refusal.delta':
        this.#text('refusal', event, event['delta'], 'delta');
        return;
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        this.#start(asObject(event['response']));
        return;
      case 'response.output_item.added':
        this.#added(event, asObject(event['item']));
        return;
      case 'response.output_text.done':
        this.#text('text', event, event['text'], 'whole');
        return;
      case 'response.refusal.done':
        this.#text('refusal', event, event['refusal'], 'whole');
        return;
      case 'response.reasoning_summary_text.done':
        this.#reasoning('summary', event, event['text'], 'whole');
        return;
      case 'response.reasoning_text.done':
        this.#reasoning('content', event, event['text'], 'whole');
        return;
      case 'response.function_call_arguments.done':
        this.#args(this.#item(event), event['arguments'], true);
        return;
      case 'response.content_part.done':
        this.#part(this.#item(event), indexOf(event['content_index']), asObject(event['part']));
        return;
      case 'response.output_item.done':
        this.#whole(this.#item(event), asObject(event['item']));
        return;
      case 'response.content_part.added':
      case 'response.reasoning_summary_part.added':
      case 'response.reasoning_summary_part.done':
      case 'keepalive':
        return;
      case 'response.output_text.annotation.added':
        this.#out.lose('citations');
        return;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
      case 'response.done': {
        const response = asObject(event['response']) ?? {};
        this.#finish(response, asString(response['status']) ?? type.slice('response.'.length));
        return;
      }
      case 'error':
        this.#fail(classifyError(hasContent(event['error']) ? event : withoutType(event), undefined));
        return;
      default:
        if (!type.startsWith('codex.')) this.#out.lose('unknown-event');
    }
  }

  #start(response: Values | undefined): void {
    if (this.#started) return;
    this.#started = true;
    this.#out.push({ kind: 'start', id: asWord(response?.['id'], 256), model: asWord(response?.['model'], 256) });
  }

  #fail(error: ReturnType<typeof classifyError>): void {
    this.#failed = true;
    this.#out.push({ kind: 'error', class: error.class, code: asWord(error.code, 64) });
  }

  /** Hosts that leave out `output_index` have at least the item's id. */
  #item(event: Values): ItemState {
    this.#start(undefined);
    const index = event['output_index'];
    const whole = asObject(event['item']);
    const key = typeof index === 'number' ? index : (asString(event['item_id']) ?? asString(whole?.['id']) ?? '');
    let item = this.#items.get(key);
    if (item === undefined) {
      item = { seen: new Set(), reasoning: undefined, opaque: false, call: undefined };
      this.#items.set(key, item);
    }
    if (whole !== undefined) for (const id of idsOf(whole)) this.#byId.set(id, item);
    return item;
  }

  #text(kind: 'text' | 'refusal', event: Values, value: unknown, form: 'delta' | 'whole'): void {
    this.#piece(kind, this.#item(event), indexOf(event['content_index']), value, form);
  }

  #reasoning(source: 'summary' | 'content', event: Values, value: unknown, form: 'delta' | 'whole'): void {
    const index = event[source === 'summary' ? 'summary_index' : 'content_index'];
    this.#thought(source, this.#item(event), indexOf(index), value, form);
  }

  #thought(
    source: 'summary' | 'content',
    item: ItemState,
    index: number,
    value: unknown,
    form: 'delta' | 'whole',
  ): void {
    if (!hasContent(value)) return;
    item.reasoning ??= source;
    if (item.reasoning === source) this.#piece('reasoning', item, index, value, form);
  }

  #piece(
    kind: 'text' | 'refusal' | 'reasoning',
    item: ItemState,
    index: number,
    value: unknown,
    form: 'delta' | 'whole',
  ): void {
    if (typeof value !== 'string' || value === '' || (form === 'whole' && item.seen.has(index))) return;
    item.seen.add(index);
    const last = this.#place;
    if (last === undefined || last.kind !== kind || last.item !== item || last.index !== index) {
      // Parts of one summary are one text to read; parts of messages are texts of their own.
      if (last?.kind === kind && last.item === item && kind === 'reasoning') this.#out.push({ kind, text: '\n\n' });
      else if (last?.kind === kind) this.#out.push({ kind: 'part-end' });
      this.#place = { kind, item, index };
    }
    if (kind === 'refusal') this.#refused = true;
    this.#out.push({ kind, text: value });
  }

  #added(event: Values, added: Values | undefined): void {
    const item = this.#item(event);
    switch (added?.['type']) {
      case 'function_call':
        this.#call(item, added);
        return;
      case 'message':
      case 'reasoning':
        return;
      default:
        this.#out.lose('unknown-event');
    }
  }

  #part(item: ItemState, index: number, part: Values | undefined): void {
    switch (part?.['type']) {
      case 'output_text':
        if (hasContent(part['annotations'])) this.#out.lose('citations');
        this.#piece('text', item, index, part['text'], 'whole');
        return;
      case 'refusal':
        this.#piece('refusal', item, index, part['refusal'], 'whole');
        return;
      case 'reasoning_text':
        this.#thought('content', item, index, part['text'], 'whole');
        return;
      default:
        this.#out.lose('unknown-event');
    }
  }

  /** An item that is done, in an event of its own or in the response. */
  #whole(item: ItemState, whole: Values | undefined): void {
    switch (whole?.['type']) {
      case 'message':
        for (const [index, part] of asArray(whole['content']).entries()) this.#part(item, index, asObject(part));
        return;
      case 'reasoning':
        for (const source of ['summary', 'content'] as const) {
          for (const [index, part] of asArray(whole[source]).entries()) {
            this.#thought(source, item, index, asObject(part)?.['text'], 'whole');
          }
        }
        this.#encrypted(item, whole);
        return;
      case 'function_call':
        this.#call(item, whole);
        this.#args(item, whole['arguments'], true);
        this.#endCall(item);
        return;
      default:
        this.#out.lose('unknown-event');
    }
  }

  #encrypted(item: ItemState, whole: Values): void {
    const data = opaqueIn(whole['encrypted_content']);
    if (item.opaque || data === '') return;
    item.opaque = true;
    this.#place = undefined;
    const id = asWord(whole['id'], 256);
    const opaque = { dialect: 'openai-responses', form: 'encrypted', data, ...(id ? { id } : {}) } as const;
    this.#out.push({ kind: 'reasoning-opaque', opaque });
  }

  #call(item: ItemState, call: Values): void {
    const name = asString(call['name']);
    if (item.call !== undefined || !name) return; // a name that is missing comes with the whole item
    let id = asString(call['call_id']) || asString(call['id']) || `call_${this.#callIds.size}`;
    while (this.#callIds.has(id)) id = `${id}_${this.#callIds.size}`;
    this.#callIds.add(id);
    item.call = { id, hasArgs: false, ended: false };
    this.#place = undefined;
    this.#out.push({ kind: 'tool-start', id, name });
  }

  #args(item: ItemState, value: unknown, whole: boolean): void {
    const { call } = item;
    if (call === undefined || call.ended || typeof value !== 'string' || value === '') return;
    if (whole && call.hasArgs) return;
    call.hasArgs = true;
    this.#out.push({ kind: 'tool-args', id: call.id, text: value });
  }

  #endCall({ call }: ItemState): void {
    if (call === undefined || call.ended) return;
    call.ended = true;
    this.#out.push({ kind: 'tool-end', id: call.id });
  }

  #closeCalls(): void {
    for (const item of this.#items.values()) this.#endCall(item);
  }

  /** `status`: of the response, or from the event's name. */
  #finish(response: Values, status: string): void {
    this.#start(response);
    if (status === 'failed' || hasContent(response['error'])) {
      this.#fail(classifyError({ error: response['error'] ?? {} }, undefined));
      return;
    }
    const streamed = this.#items.size > 0;
    for (const [index, value] of asArray(response['output']).entries()) {
      const whole = asObject(value) ?? {};
      // Indices of the stream and of the response need not agree, so after a stream only ids say what is the same.
      if (!streamed) this.#whole(this.#item({ output_index: index }), whole);
      else {
        const known = idsOf(whole)
          .map((id) => this.#byId.get(id))
          .find((item) => item !== undefined);
        if (known !== undefined) this.#whole(known, whole);
      }
    }
    this.#closeCalls();
    const usage = openaiUsage(response['usage']);
    if (usage !== undefined && !this.#usage) {
      this.#usage = true;
      this.#out.push({ kind: 'usage', usage: { ...NO_USAGE, ...usage } });
    }
    if (this.#stopped) return;
    this.#stopped = true;
    const reason = status === 'incomplete' ? asObject(response['incomplete_details'])?.['reason'] : status;
    const said = RESPONSES_STOPS.get(asString(reason) ?? '') ?? 'other';
    const stop = said !== 'stop' ? said : this.#callIds.size > 0 ? 'tool-use' : this.#refused ? 'refusal' : said;
    this.#out.push({ kind: 'stop', stop });
  }
}

function idsOf(item: Values): readonly string[] {
  return [item['id'], item['call_id']].filter((id) => typeof id === 'string' && id !== '').map(String);
}

function indexOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
