// SPDX-License-Identifier: Apache-2.0
// Gemini's chunks and documents as hub events: Gemini API, Vertex, and Code Assist, which wraps each chunk into `response`.

import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerDecoder } from '../../hub/codec.ts';
import { EventQueue } from '../../hub/event-queue.ts';
import type { HubEvent, Opaque } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { asArray, asObject, asString, asWord, jsonText, type Values } from '../../json/values.ts';
import { classifyError } from '../../shared/error-class.ts';
import { NO_USAGE } from '../../shared/no-usage.ts';
import { GEMINI_STOPS, geminiUsage } from '../answer.ts';
import { PartialArgs } from './partial-args.ts';
import { FOREIGN_SIGNATURE } from './wire.ts';

/** Output that no other dialect has. */
const FOREIGN_PARTS: readonly (readonly [member: string, code: LossCode])[] = [
  ['executableCode', 'server-tool'],
  ['codeExecutionResult', 'server-tool'],
  ['toolCall', 'server-tool'],
  ['toolResponse', 'server-tool'],
  ['inlineData', 'output-modality'],
  ['fileData', 'output-modality'],
];
/** Read here, or said by Google about its own work only. */
const SILENT_MEMBERS: ReadonlySet<string> = new Set(['text', 'thought', 'thoughtSignature', 'partMetadata']);

export function createDecoder(): AnswerDecoder {
  return new GeminiDecoder();
}

class GeminiDecoder implements AnswerDecoder {
  readonly #out = new EventQueue();
  #started = false;
  #stopped = false;
  #failed = false;
  #ended = false;
  #calls = 0;
  readonly #ids = new Set<string>();
  /** The call whose arguments come in pieces. */
  #open: { readonly id: string; readonly args: PartialArgs } | undefined;
  #usage: Usage | undefined;

  event(value: unknown): readonly HubEvent[] {
    this.#chunk(value);
    return this.#out.take();
  }

  document(value: unknown): readonly HubEvent[] {
    // The array form of a streamed answer, read whole.
    for (const chunk of Array.isArray(value) ? value : [value]) this.#chunk(chunk);
    this.#close();
    // A whole document is a whole answer, even where a host leaves the reason out.
    if (this.#started && !this.#failed && !this.#stopped) this.#stop('stop', undefined);
    this.#finish();
    return this.#out.take();
  }

  end(): readonly HubEvent[] {
    this.#close();
    this.#finish();
    return this.#out.take();
  }

  #chunk(value: unknown): void {
    const outer = asObject(Array.isArray(value) ? value[0] : value);
    const body = asObject(outer?.['response']) ?? outer;
    if (body === undefined || this.#failed || this.#ended) return;
    if (body['error'] !== undefined && body['error'] !== null) {
      const error = classifyError(body, undefined);
      this.#failed = true;
      this.#out.push({ kind: 'error', class: error.class, code: asWord(error.code, 64) });
      return;
    }
    const candidates = asArray(body['candidates']);
    const usage = geminiUsage(body['usageMetadata']);
    const blocked = asString(asObject(body['promptFeedback'])?.['blockReason']) ?? '';
    if (!Array.isArray(body['candidates']) && usage === undefined && blocked === '') {
      if (body['promptFeedback'] === undefined && body['modelVersion'] === undefined)
        this.#out.lose('unknown-event', '');
      return;
    }
    this.#start(body, outer);
    // Every chunk carries the sums so far: the last ones count.
    if (usage !== undefined) this.#usage = { ...(this.#usage ?? NO_USAGE), ...known(usage) };
    for (const item of candidates) {
      const candidate = asObject(item);
      if (candidate !== undefined) this.#candidate(candidate);
    }
    if (blocked !== '') this.#stop('content-filter', undefined);
  }

  #start(body: Values, outer: Values | undefined): void {
    if (this.#started) return;
    this.#started = true;
    const id = asWord(body['responseId'] ?? outer?.['traceId'], 256);
    this.#out.push({ kind: 'start', id, model: asWord(body['modelVersion'], 256) });
  }

  #candidate(candidate: Values): void {
    // Nobody asked for several: a request for them is not translated.
    if (typeof candidate['index'] === 'number' && candidate['index'] !== 0) {
      this.#out.lose('several-choices', '/candidates');
      return;
    }
    for (const item of asArray(asObject(candidate['content'])?.['parts'])) {
      const part = asObject(item);
      if (part !== undefined) this.#part(part);
    }
    if (candidate['groundingMetadata'] !== undefined || candidate['citationMetadata'] !== undefined) {
      this.#out.lose('citations', '/candidates/0');
    }
    const reason = asString(candidate['finishReason']) ?? '';
    if (reason === '' || reason === 'FINISH_REASON_UNSPECIFIED') return;
    this.#close();
    const stop = GEMINI_STOPS.get(reason) ?? 'other';
    this.#stop(stop === 'stop' && this.#calls > 0 ? 'tool-use' : stop, undefined);
  }

  #part(part: Values): void {
    const signature = asString(part['thoughtSignature']) ?? '';
    const opaque: Opaque | undefined =
      signature === '' || signature === FOREIGN_SIGNATURE
        ? undefined
        : { dialect: 'gemini', form: 'signature', data: signature };
    const call = asObject(part['functionCall']);
    if (call !== undefined) {
      this.#call(call, opaque);
      return;
    }
    const text = asString(part['text']) ?? '';
    if (text !== '') {
      this.#close();
      this.#out.push({ kind: part['thought'] === true ? 'reasoning' : 'text', text });
    }
    if (opaque !== undefined) this.#out.push({ kind: 'reasoning-opaque', opaque });
    for (const [member, code] of FOREIGN_PARTS)
      if (part[member] !== undefined) this.#out.lose(code, `/parts/${member}`);
    const names = Object.keys(part).filter((name) => !SILENT_MEMBERS.has(name));
    if (names.some((name) => !FOREIGN_PARTS.some(([member]) => member === name)))
      this.#out.lose('unknown-part', '/parts');
  }

  #call(call: Values, opaque: Opaque | undefined): void {
    const name = asString(call['name']) ?? '';
    const args = asObject(call['args']);
    const continues = call['willContinue'] === true;
    if (name !== '') {
      this.#close();
      const id = this.#idFor(asString(call['id']));
      this.#calls++;
      this.#out.push({ kind: 'tool-start', id, name, ...(opaque === undefined ? {} : { opaque }) });
      if (!continues && call['partialArgs'] === undefined) {
        this.#end(id, args === undefined ? '' : jsonText(args));
        return;
      }
      this.#open = { id, args: new PartialArgs() };
    }
    const open = this.#open;
    if (open === undefined) {
      // An empty one closes what is closed already.
      if (args !== undefined || call['partialArgs'] !== undefined)
        this.#out.lose('not-understood', '/parts/functionCall');
      return;
    }
    if (args !== undefined) open.args.addAll(args);
    open.args.add(call['partialArgs']);
    if (!continues) this.#close();
  }

  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#end(open.id, open.args.text());
  }

  #end(id: string, args: string | undefined): void {
    if (args === undefined) this.#out.lose('not-understood', '/parts/functionCall/args');
    else if (args !== '') this.#out.push({ kind: 'tool-args', id, text: args });
    this.#out.push({ kind: 'tool-end', id });
  }

  #idFor(own: string | undefined): string {
    let id = own ?? '';
    for (let n = this.#calls; id === '' || this.#ids.has(id); n++) id = `call_${n}`;
    this.#ids.add(id);
    return id;
  }

  #stop(stop: StopClass, sequence: string | undefined): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#out.push({ kind: 'stop', stop, ...(sequence === undefined ? {} : { sequence }) });
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#usage !== undefined && !this.#failed) this.#out.push({ kind: 'usage', usage: this.#usage });
  }
}

function known(usage: Partial<Usage>): Partial<Usage> {
  return Object.fromEntries(Object.entries(usage).filter(([, count]) => count !== undefined));
}
