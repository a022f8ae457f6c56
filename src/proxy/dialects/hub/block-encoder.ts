// SPDX-License-Identifier: Apache-2.0
// Hub events to numbered content blocks (Anthropic Messages, Bedrock Converse): opens, numbers and closes blocks, one at a time and
// dense from 0; keeps the end back until usage is known; collects blocks for a whole document. How it looks on the wire is the format's.

import { assertNever } from '../../../contract/assert-never.ts';
import type { DialectId, StopClass, Usage } from '../dialect.ts';
import type { AnswerEncoder } from './codec.ts';
import type { HubEvent } from './hub.ts';
import { MADE_UP_OPAQUE } from './made-up.ts';
import { sequential } from './sequential.ts';

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string; readonly signature: string }
  | { readonly kind: 'redacted'; readonly data: string }
  | { readonly kind: 'tool'; readonly id: string; readonly name: string; readonly args: string };

export interface Ending {
  /** `tool-use` where tools were called and the provider only said that it stopped. */
  readonly stop: StopClass;
  readonly sequence: string | undefined;
  readonly usage: Usage | undefined;
}

/** The wire of one dialect. Pure. `index` is the block's number. */
export interface BlockFormat {
  /** Whose opaque reasoning this wire can carry. */
  readonly opaqueDialect: DialectId;
  readonly documentType: string;
  readonly streamType: string;
  start(): Buffer;
  /** Opens a block that is still empty, except for `redacted`. */
  open(index: number, block: Block): Buffer;
  text(index: number, text: string): Buffer;
  reasoning(index: number, text: string): Buffer;
  signature(index: number, data: string): Buffer;
  args(index: number, text: string): Buffer;
  close(index: number): Buffer;
  end(ending: Ending): Buffer;
  document(blocks: readonly Block[], ending: Ending): Buffer;
}

type GrowingText = { kind: 'text'; text: string };
type GrowingReasoning = { kind: 'reasoning'; text: string; signature: string };
type GrowingTool = { kind: 'tool'; id: string; name: string; args: string };

const NOTHING = Buffer.alloc(0);

/** `stream` false: nothing comes before `end`, which gives the whole document. */
export function createBlockEncoder(format: BlockFormat, stream: boolean): AnswerEncoder {
  return new BlockEncoder(format, stream);
}

class BlockEncoder implements AnswerEncoder {
  readonly contentType: string;
  readonly #format: BlockFormat;
  readonly #stream: boolean;
  readonly #next: (event: HubEvent) => void;
  readonly #blocks: Block[] = [];
  #out: Buffer[] = [];
  #index = -1;
  #open: GrowingText | GrowingReasoning | GrowingTool | undefined;
  #started = false;
  #tools = false;
  #stop: StopClass | undefined;
  #sequence: string | undefined;
  #usage: Usage | undefined;
  #failed = false;

  constructor(format: BlockFormat, stream: boolean) {
    this.#format = format;
    this.#stream = stream;
    this.contentType = stream ? format.streamType : format.documentType;
    this.#next = sequential((event) => this.#event(event));
  }

  push(event: HubEvent): Buffer {
    this.#next(event);
    return this.#take();
  }

  end(): Buffer {
    if (this.#failed) return NOTHING;
    if (this.#stop === undefined) this.#next({ kind: 'stop', stop: 'other' }); // ends tool calls that nobody ended
    this.#close();
    const stop = this.#stop ?? 'other';
    const called = this.#tools && (stop === 'stop' || stop === 'other') && this.#sequence === undefined;
    const ending: Ending = { stop: called ? 'tool-use' : stop, sequence: this.#sequence, usage: this.#usage };
    if (!this.#stream) return this.#format.document(this.#blocks, ending);
    this.#start();
    this.#write(this.#format.end(ending));
    return this.#take();
  }

  #event(event: HubEvent): void {
    if (this.#failed) return;
    switch (event.kind) {
      case 'start':
        this.#start();
        return;
      case 'text':
      case 'refusal': {
        if (event.text === '') return;
        const block = this.#open?.kind === 'text' ? this.#open : this.#begin({ kind: 'text', text: '' });
        if (this.#stream) this.#write(this.#format.text(this.#index, event.text));
        else block.text += event.text;
        return;
      }
      case 'reasoning': {
        if (event.text === '') return;
        const block = this.#reasoning();
        if (this.#stream) this.#write(this.#format.reasoning(this.#index, event.text));
        else block.text += event.text;
        return;
      }
      case 'reasoning-opaque':
        this.#opaque(event.opaque.dialect, event.opaque.form, event.opaque.data);
        return;
      case 'part-end':
        this.#close();
        return;
      case 'tool-start':
        this.#tools = true;
        this.#begin({ kind: 'tool', id: event.id, name: event.name, args: '' });
        return;
      case 'tool-args':
        if (this.#open?.kind !== 'tool' || event.text === '') return;
        if (this.#stream) this.#write(this.#format.args(this.#index, event.text));
        else this.#open.args += event.text;
        return;
      case 'tool-end':
        this.#close();
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'stop':
        this.#close();
        this.#stop = event.stop;
        this.#sequence = event.sequence;
        return;
      case 'error':
        this.#failed = true; // worded and framed by the dialect's streamError
        return;
      case 'loss':
        return;
      default:
        assertNever(event);
    }
  }

  #opaque(dialect: DialectId, form: string, data: string): void {
    if (dialect !== this.#format.opaqueDialect) return;
    if (form === 'redacted') {
      this.#close();
      this.#index++;
      this.#start();
      const block: Block = { kind: 'redacted', data };
      if (this.#stream) this.#write(this.#format.open(this.#index, block), this.#format.close(this.#index));
      else this.#blocks.push(block);
    } else if (form === 'signature') {
      const block = this.#reasoning();
      this.#sign(block, data);
      this.#close();
    }
  }

  #reasoning(): GrowingReasoning {
    return this.#open?.kind === 'reasoning' ? this.#open : this.#begin({ kind: 'reasoning', text: '', signature: '' });
  }

  #begin<B extends GrowingText | GrowingReasoning | GrowingTool>(block: B): B {
    this.#close();
    this.#start();
    this.#index++;
    this.#open = block;
    if (this.#stream) this.#write(this.#format.open(this.#index, block));
    else this.#blocks.push(block);
    return block;
  }

  #sign(block: GrowingReasoning, data: string): void {
    block.signature = data;
    if (this.#stream) this.#write(this.#format.signature(this.#index, data));
  }

  #close(): void {
    const block = this.#open;
    if (block === undefined) return;
    if (block.kind === 'reasoning' && block.signature === '') this.#sign(block, MADE_UP_OPAQUE);
    this.#open = undefined;
    if (this.#stream) this.#write(this.#format.close(this.#index));
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    if (this.#stream) this.#write(this.#format.start());
  }

  #write(...bytes: readonly Buffer[]): void {
    for (const part of bytes) if (part.length > 0) this.#out.push(part);
  }

  #take(): Buffer {
    const out = this.#out;
    if (out.length === 0) return NOTHING;
    this.#out = [];
    const [first] = out;
    return out.length === 1 && first !== undefined ? first : Buffer.concat(out);
  }
}
