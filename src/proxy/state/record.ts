// SPDX-License-Identifier: Apache-2.0
// What is kept of an answer so that its provider can go on thinking where it stopped: the order of its parts, its reasoning with
// the opaque data, and the opaque data of its tool calls. Types and the names under which it is found again. Pure.

import { createHash } from 'node:crypto';
import type { Opaque, ReasoningPart } from '../dialects/hub/hub.ts';

/** A part of the answer. Of what the caller sees only its place is kept: it brings that along itself. */
export type StatePiece =
  | ReasoningPart
  /** Text of so many UTF-16 units. */
  | { readonly kind: 'text'; readonly length: number }
  | { readonly kind: 'call'; readonly id: string; readonly opaque?: Opaque };

/** Pieces in the order of the answer. */
export type StateRecord = readonly StatePiece[];

export interface StateEntry {
  readonly anchor: string;
  readonly record: StateRecord;
}

/** Who may find it again: only the provider that made it, only for the caller that it was made for. */
export interface StatePlace {
  readonly provider: string;
  /** Whose conversation it is (app, user, virtual key). */
  readonly scope: string;
}

/** Name of a record by the id of a tool call, as the caller knows it. */
export function callAnchor(id: string): string {
  return `call:${id}`;
}

/** Name of a record by all text of an answer without tool calls. Takes the text in any pieces and keeps none of it. */
export interface TextAnchor {
  push(text: string): void;
  /** undefined: there was no text to be known by. Ends it. */
  anchor(): string | undefined;
}

export function createTextAnchor(): TextAnchor {
  const hash = createHash('sha256');
  let empty = true;
  return {
    push(text) {
      // UTF-16, so that the halves of a surrogate pair in two pieces count as in one.
      hash.update(text, 'utf16le');
      empty &&= text === '';
    },
    anchor: () => (empty ? undefined : `text:${hash.digest('hex')}`),
  };
}
