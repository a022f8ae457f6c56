// SPDX-License-Identifier: Apache-2.0
// From the events of an answer to what is remembered of it. Events are those that the caller's encoder gets: with the ids of tool
// calls that the caller will send back. Pure but for its own counting; keeps no text that the caller sees.

import type { HubEvent, Opaque } from '../dialects/hub/hub.ts';
import { callAnchor, createTextAnchor, type StateEntry, type StatePiece } from './record.ts';

/** More than this of reasoning and opaque data in one answer is not remembered. Largest seen in the wild: tens of kilobytes. */
const MAX_CHARACTERS = 1024 * 1024;
/** Parts of one answer. */
const MAX_PIECES = 1024;

export interface StateCollector {
  push(event: HubEvent): void;
  /** Once, at the end: what to remember; nothing where the answer had no opaque data, broke, or was too large. */
  entries(): readonly StateEntry[];
}

interface OpenReasoning {
  text: string;
  opaque?: Opaque;
}

export function createStateCollector(): StateCollector {
  const pieces: StatePiece[] = [];
  const text = createTextAnchor();
  let reasoning: OpenReasoning | undefined;
  let textLength = 0;
  let size = 0;
  let hasOpaque = false;
  let usable = true;

  function add(piece: StatePiece): void {
    if (pieces.length < MAX_PIECES) pieces.push(piece);
    else usable = false;
  }

  function endPart(): void {
    if (reasoning !== undefined) add({ kind: 'reasoning', ...reasoning });
    if (textLength > 0) add({ kind: 'text', length: textLength });
    reasoning = undefined;
    textLength = 0;
  }

  function count(more: string): boolean {
    size += more.length;
    usable &&= size <= MAX_CHARACTERS;
    return usable;
  }

  function countOpaque(opaque: Opaque): boolean {
    hasOpaque = true;
    return count(opaque.data);
  }

  return {
    push(event) {
      if (!usable) return;
      switch (event.kind) {
        case 'text':
          if (reasoning !== undefined) endPart();
          text.push(event.text);
          textLength += event.text.length;
          return;
        case 'reasoning':
          if (textLength > 0 || reasoning?.opaque !== undefined) endPart();
          if (count(event.text)) reasoning = { text: (reasoning?.text ?? '') + event.text };
          return;
        case 'reasoning-opaque':
          if (!countOpaque(event.opaque)) return;
          if (textLength > 0 || reasoning?.opaque !== undefined) endPart();
          reasoning = { text: reasoning?.text ?? '', opaque: event.opaque };
          return;
        case 'tool-start':
          endPart();
          if (event.opaque === undefined) add({ kind: 'call', id: event.id });
          else if (countOpaque(event.opaque)) add({ kind: 'call', id: event.id, opaque: event.opaque });
          return;
        case 'part-end':
          endPart();
          return;
        case 'error':
          usable = false;
          return;
        default:
          return;
      }
    },
    entries() {
      endPart();
      if (!usable || !hasOpaque) return [];
      const calls = pieces.filter((piece) => piece.kind === 'call');
      const [first, ...others] = calls;
      if (first === undefined) {
        const anchor = text.anchor();
        return anchor === undefined ? [] : [{ anchor, record: pieces }];
      }
      // A caller may send the calls of one answer back in several turns, each with its own result.
      const apart = others.filter(({ opaque }) => opaque !== undefined);
      return [
        { anchor: callAnchor(first.id), record: pieces },
        ...apart.map((call) => ({ anchor: callAnchor(call.id), record: [call] })),
      ];
    },
  };
}

/** All at once, for an answer that came whole. */
export function collectState(events: Iterable<HubEvent>): readonly StateEntry[] {
  const collector = createStateCollector();
  for (const event of events) collector.push(event);
  return collector.entries();
}
