// SPDX-License-Identifier: Apache-2.0
// Drives two codecs: a request from the caller's dialect to the target's, an answer back. Owns what neither codec can know of the other:
// tool ids and names on the way back, reasoning that the caller's dialect cannot carry, and the list of losses.

import type { AnswerWatch } from '../dialect.ts';
import type { AnswerEncoder, Codec } from './codec.ts';
import type { HubEvent } from './hub.ts';
import { LossList } from './losses.ts';
import { createToolIds } from './tool-ids.ts';

/** Far more than models make. Decoders and encoders remember something for each call that is open. */
const MAX_OPEN_CALLS = 1_024;

export interface AnswerTranslation {
  readonly contentType: string;
  /** For the reader of the provider's answer. */
  readonly watch: AnswerWatch;
  /** The provider's answer has ended in good order. */
  end(): void;
  /** The caller's bytes since the last call. */
  take(): Buffer;
  /** An error came within the answer: what was written so far is all that will be. */
  hasFailed(): boolean;
  readonly losses: LossList;
}

export interface AnswerTranslationInput {
  /** The provider's codec. */
  readonly from: Codec;
  /** The caller's. */
  readonly to: Codec;
  readonly encoder: AnswerEncoder;
  /** Tool names as sent to those of the caller, where they differ. */
  readonly toolNames: ReadonlyMap<string, string>;
  /** Random text of [A-Za-z0-9_-], at most 48 characters. */
  readonly fresh: () => string;
  /** Sees every event with the names and ids of the caller, opaque reasoning included; for the state of the conversation. */
  readonly observe?: (event: HubEvent) => void;
}

export function translateAnswer(input: AnswerTranslationInput): AnswerTranslation {
  const { from, to, encoder, toolNames, observe } = input;
  const decoder = from.createDecoder();
  const ids = createToolIds(input.fresh);
  const losses = new LossList();
  /** As the provider calls them. */
  const open = new Set<string>();
  let out: Buffer[] = [];
  let failed = false;
  let ended = false;

  function forward(event: HubEvent): void {
    if (failed) return;
    switch (event.kind) {
      case 'loss':
        losses.addAll([event.loss]);
        return;
      case 'error':
        failed = true;
        return;
      case 'reasoning':
        if (to.shows.reasoningText) break;
        losses.add('reasoning-dropped', '/reasoning');
        observe?.(event);
        return;
      case 'reasoning-opaque':
        // Only its own dialect may see it; the caller's history is completed from the remembered state later.
        observe?.(event);
        return;
      case 'tool-start': {
        if (open.size >= MAX_OPEN_CALLS) {
          losses.add('unknown-event', '/tool_calls');
          return;
        }
        open.add(event.id);
        const { opaque, ...start } = event;
        const named = { ...start, id: ids(event.id), name: toolNames.get(event.name) ?? event.name };
        observe?.(opaque === undefined ? named : { ...named, opaque });
        write(named);
        return;
      }
      case 'tool-args':
      case 'tool-end': {
        if (!open.has(event.id)) return;
        if (event.kind === 'tool-end') open.delete(event.id);
        const mapped = { ...event, id: ids(event.id) };
        observe?.(mapped);
        write(mapped);
        return;
      }
    }
    observe?.(event);
    write(event);
  }

  function write(event: HubEvent): void {
    const bytes = encoder.push(event);
    if (bytes.length > 0) out.push(bytes);
  }

  return {
    contentType: encoder.contentType,
    watch: {
      event(value, name) {
        for (const event of decoder.event(value, name)) forward(event);
      },
      document(value) {
        for (const event of decoder.document(value)) forward(event);
      },
    },
    end() {
      if (ended || failed) return;
      ended = true;
      for (const event of decoder.end()) forward(event);
      if (failed) return;
      const bytes = encoder.end();
      if (bytes.length > 0) out.push(bytes);
    },
    take() {
      const [first] = out;
      if (first === undefined) return Buffer.alloc(0);
      const bytes = out.length === 1 ? first : Buffer.concat(out);
      out = [];
      return bytes;
    },
    hasFailed: () => failed,
    losses,
  };
}
