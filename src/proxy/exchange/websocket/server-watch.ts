// SPDX-License-Identifier: Apache-2.0
// Shows the server's text messages to the inspector while their frames are already on the way to the client. Knows nothing
// of forwarding or of how a connection ends.

import type { Extension } from './extensions.ts';
import type { Piece } from './frame.ts';
import { MessageReader } from './message.ts';
import { PieceQueue } from './piece-queue.ts';
import type { Inspector } from './types.ts';

export interface ServerWatchOptions {
  readonly inspect: Inspector;
  readonly extension: Extension;
  readonly maxBytes: number;
  /** The inspector failed and will be shown nothing more. */
  readonly failed: (cause: unknown) => void;
}

export class ServerWatch {
  readonly #options: ServerWatchOptions;
  readonly #queue = new PieceQueue();
  readonly #reader: MessageReader;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
    this.#reader = new MessageReader({ extension: options.extension, from: 'server', maxBytes: options.maxBytes });
  }

  push(piece: Piece): void {
    if (!piece.frame.control) this.#queue.push(piece);
  }

  /** Resolves when inflating has caught up; the next bytes are not read before that. */
  room(): Promise<void> {
    return this.#queue.room();
  }

  /** No more will come; what is there is still shown. */
  close(): void {
    this.#queue.close();
  }

  /** Resolves after `close`, when everything has been shown. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const piece = await this.#queue.take();
        if (piece === undefined) return;
        const message = await this.#reader.add(piece);
        if (message?.kind === 'text') this.#options.inspect.serverMessage(message.text);
      }
    } catch (cause) {
      this.#queue.drop();
      this.#options.failed(cause);
    } finally {
      this.#reader.close();
    }
  }
}
