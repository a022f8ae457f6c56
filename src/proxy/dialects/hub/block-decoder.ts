// SPDX-License-Identifier: Apache-2.0
// Numbered content blocks (Anthropic Messages, Bedrock Converse) to hub events: keeps what is open, closes what is left open, makes ids
// unique, holds usage back until it is final. The dialects say what their events mean.

import type { DialectId, ErrorClass, StopClass, Usage } from '../dialect.ts';
import type { HubEvent } from './hub.ts';
import type { LossCode } from './loss.ts';
import { opaqueIn } from './made-up.ts';

type OpenBlock =
  | { readonly kind: 'text' }
  | { readonly kind: 'reasoning'; signature: string }
  /** `input`: arguments that stood in the block's start; they count if no piece follows. */
  | { readonly kind: 'tool'; readonly id: string; input: string };

export class BlockDecoder {
  readonly #opaqueDialect: DialectId;
  readonly #open = new Map<number, OpenBlock>();
  /** The open block that is no tool call; there is one at most. */
  #plain: number | undefined;
  readonly #ids = new Set<string>();
  readonly #lost = new Set<LossCode>();
  #out: HubEvent[] = [];
  #started = false;
  #stopped = false;
  #ended = false;
  #usage: Partial<Usage> | undefined;

  /** `opaqueDialect`: whose signatures these are. */
  constructor(opaqueDialect: DialectId) {
    this.#opaqueDialect = opaqueDialect;
  }

  take(): readonly HubEvent[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  start(id: string | undefined, model: string | undefined): void {
    if (this.#started || this.#ended) return;
    this.#started = true;
    this.#out.push({ kind: 'start', id, model });
  }

  text(index: number, text: string): void {
    if (this.#ended) return;
    if (this.#open.get(index)?.kind !== 'text') this.#begin(index, { kind: 'text' });
    if (text !== '') this.#out.push({ kind: 'text', text });
  }

  reasoning(index: number, text: string): void {
    if (this.#ended) return;
    if (this.#open.get(index)?.kind !== 'reasoning') this.#begin(index, { kind: 'reasoning', signature: '' });
    if (text !== '') this.#out.push({ kind: 'reasoning', text });
  }

  /** The signature of the reasoning in this block; given out when the block ends. */
  signature(index: number, data: string): void {
    if (opaqueIn(data) === '') return;
    this.reasoning(index, '');
    const block = this.#open.get(index);
    if (block?.kind === 'reasoning') block.signature = data;
  }

  redacted(data: string): void {
    if (data === '') return;
    this.#emit({ kind: 'reasoning-opaque', opaque: { dialect: this.#opaqueDialect, form: 'redacted', data } });
    this.#emit({ kind: 'part-end' });
  }

  tool(index: number, id: string | undefined, name: string, input = ''): void {
    if (this.#ended) return;
    let unique = id === undefined || id === '' ? `call_${index}` : id;
    while (this.#ids.has(unique)) unique = `${unique}_${this.#ids.size}`;
    this.#ids.add(unique);
    this.#begin(index, { kind: 'tool', id: unique, input });
    this.#out.push({ kind: 'tool-start', id: unique, name });
  }

  args(index: number, text: string): void {
    const block = this.#open.get(index);
    if (this.#ended || block?.kind !== 'tool' || text === '') return;
    block.input = '';
    this.#out.push({ kind: 'tool-args', id: block.id, text });
  }

  close(index: number): void {
    const block = this.#open.get(index);
    if (block === undefined || this.#ended) return;
    this.#open.delete(index);
    if (index === this.#plain) this.#plain = undefined;
    if (block.kind === 'tool') {
      if (block.input !== '') this.#out.push({ kind: 'tool-args', id: block.id, text: block.input });
      this.#out.push({ kind: 'tool-end', id: block.id });
      return;
    }
    if (block.kind === 'reasoning' && block.signature !== '') {
      const opaque = { dialect: this.#opaqueDialect, form: 'signature', data: block.signature } as const;
      this.#out.push({ kind: 'reasoning-opaque', opaque });
    }
    this.#out.push({ kind: 'part-end' });
  }

  stop(stop: StopClass, sequence: string | undefined): void {
    if (this.#stopped) return;
    this.#closeAll();
    this.#stopped = true;
    this.#emit(sequence === undefined ? { kind: 'stop', stop } : { kind: 'stop', stop, sequence });
  }

  /** Final or not: the last figures count, and `end` gives them out. */
  usage(usage: Partial<Usage> | undefined): void {
    if (usage !== undefined) this.#usage = usage;
  }

  fail(error: { readonly class: ErrorClass; readonly code: string | undefined }): void {
    this.#emit({ kind: 'error', class: error.class, code: error.code });
    this.#ended = true;
  }

  /** Once per code: a stream may repeat it thousands of times. */
  loss(code: LossCode, at: string): void {
    if (this.#lost.has(code)) return;
    this.#lost.add(code);
    this.#emit({ kind: 'loss', loss: { code, at } });
  }

  end(): void {
    if (this.#ended || !this.#started) return;
    this.#closeAll();
    this.#ended = true;
    if (this.#usage === undefined) return;
    const { input, output, cacheRead, cacheWrite, reasoning } = this.#usage;
    this.#out.push({ kind: 'usage', usage: { input, output, cacheRead, cacheWrite, reasoning } });
  }

  /** Texts cannot overlap; a block that begins ends those that nobody closed. Tool calls may stay open. */
  #begin(index: number, block: OpenBlock): void {
    this.start(undefined, undefined);
    this.close(index);
    if (this.#plain !== undefined) this.close(this.#plain);
    if (block.kind !== 'tool') this.#plain = index;
    this.#open.set(index, block);
  }

  #emit(event: HubEvent): void {
    if (this.#ended) return;
    this.start(undefined, undefined);
    this.#out.push(event);
  }

  #closeAll(): void {
    for (const index of [...this.#open.keys()]) this.close(index);
  }
}
