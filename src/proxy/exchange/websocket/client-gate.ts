// SPDX-License-Identifier: Apache-2.0
// Holds each message of the client until the inspector has let it through, then forwards the very frames that came. Knows
// nothing of the reasons, of the other direction, or of how a connection ends.

import type { Extension } from './extensions.ts';
import { type Piece, startsMessage } from './frame.ts';
import { MessageReader } from './message.ts';
import type { Outlet } from './outlet.ts';
import { PieceQueue } from './piece-queue.ts';
import type { Inspector, MessageVerdict } from './types.ts';

export interface ClientGateOptions {
  readonly inspect: Inspector;
  readonly extension: Extension;
  readonly maxBytes: number;
  readonly out: Outlet;
  /** Called once; nothing more is forwarded. */
  readonly refuse: (verdict: Exclude<MessageVerdict, 'pass'>) => void;
  /** The inspector failed; nothing more is forwarded. */
  readonly failed: (cause: unknown) => void;
}

export class ClientGate {
  readonly #options: ClientGateOptions;
  readonly #queue = new PieceQueue();
  readonly #reader: MessageReader;
  #held: Piece[] = [];
  /** The current message has been let through; what still comes of it need not be held. */
  #passing = false;
  #dropped = false;

  constructor(options: ClientGateOptions) {
    this.#options = options;
    this.#reader = new MessageReader({ extension: options.extension, from: 'client', maxBytes: options.maxBytes });
  }

  push(piece: Piece): void {
    this.#queue.push(piece);
  }

  room(): Promise<void> {
    return this.#queue.room();
  }

  /** `room` waits no longer. */
  release(): void {
    this.#queue.release();
  }

  /** No more will come; what is there is still judged and forwarded. */
  close(): void {
    this.#queue.close();
  }

  /** Nothing more is forwarded, also not what is held. */
  drop(): void {
    this.#dropped = true;
    this.#held = [];
    this.#queue.drop();
  }

  /** Resolves after `close` or `drop`, once the verdict that is awaited has been given. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const piece = await this.#queue.take();
        if (piece === undefined) return;
        await this.#step(piece);
      }
    } catch (cause) {
      this.drop();
      this.#options.failed(cause);
    } finally {
      this.#reader.close();
    }
  }

  async #step(piece: Piece): Promise<void> {
    const { out, refuse } = this.#options;
    if (piece.frame.control) {
      out.write(piece);
      return out.ready();
    }
    if (startsMessage(piece)) this.#passing = false;
    const message = await this.#reader.add(piece);
    if (this.#dropped) return;
    if (this.#passing) {
      out.write(piece);
      return out.ready();
    }
    this.#held.push(piece);
    if (message === undefined && !this.#reader.tooLarge) return;

    const verdict = await this.#judge(message?.kind === 'text' ? message.text : undefined);
    if (this.#dropped) return;
    if (verdict !== 'pass') {
      this.drop();
      refuse(verdict);
      return;
    }
    out.writeAll(this.#held);
    this.#held = [];
    this.#passing = true;
    await out.ready();
  }

  #judge(text: string | undefined): Promise<MessageVerdict> {
    const { inspect } = this.#options;
    return text === undefined ? inspect.opaqueClientMessage(this.#reader.bytes) : inspect.clientMessage(text);
  }
}
