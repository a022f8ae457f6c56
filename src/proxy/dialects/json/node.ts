// SPDX-License-Identifier: Apache-2.0
// A cursor over a scanned JSON document: navigation by key and index, values decoded only when asked for, byte offsets of each.
// Knows nothing of dialects.

import { Kind, type ScanLimits, STRIDE, scanJson, type Tape } from './scan.ts';

export class JsonNode {
  readonly #tape: Tape;
  readonly #index: number;

  constructor(tape: Tape, index: number) {
    this.#tape = tape;
    this.#index = index;
  }

  #at(index: number, field: number): number {
    return this.#tape.nodes[index * STRIDE + field] ?? 0;
  }

  /** Byte offset of the value's first byte. */
  get start(): number {
    return this.#at(this.#index, 1);
  }

  /** Byte offset after the value's last byte. */
  get end(): number {
    return this.#at(this.#index, 2);
  }

  get isObject(): boolean {
    return this.#at(this.#index, 0) === Kind.object;
  }

  get isArray(): boolean {
    return this.#at(this.#index, 0) === Kind.array;
  }

  get isString(): boolean {
    const kind = this.#at(this.#index, 0);
    return kind === Kind.string || kind === Kind.escaped;
  }

  get isTrue(): boolean {
    return this.#at(this.#index, 0) === Kind.true;
  }

  get isFalse(): boolean {
    return this.#at(this.#index, 0) === Kind.false;
  }

  /** The decoded string; undefined for anything else. */
  get string(): string | undefined {
    return this.isString ? this.#decode(this.#index) : undefined;
  }

  /** A member of an object. Of duplicates the last one counts, as with JSON.parse. */
  get(key: string): JsonNode | undefined {
    if (!this.isObject) return undefined;
    let found: number | undefined;
    const stop = this.#at(this.#index, 3);
    for (let at = this.#index + 1; at < stop; at = this.#at(at + 1, 3)) if (this.#isKey(at, key)) found = at + 1;
    return found === undefined ? undefined : new JsonNode(this.#tape, found);
  }

  /** The values of every member with this name in any case, in order: some servers' parsers (Go's) ignore case. */
  alike(key: string): readonly JsonNode[] {
    const found: JsonNode[] = [];
    if (!this.isObject) return found;
    const stop = this.#at(this.#index, 3);
    for (let at = this.#index + 1; at < stop; at = this.#at(at + 1, 3)) {
      const plain = this.#at(at, 0) === Kind.string;
      if (plain && this.#at(at, 2) - this.#at(at, 1) - 2 !== key.length) continue; // keys that we look for are ASCII
      if (this.#decode(at).toLowerCase() === key) found.push(new JsonNode(this.#tape, at + 1));
    }
    return found;
  }

  /** The members of an object in order, duplicates included. `name` is where the key stands. Nothing for other values. */
  members(visit: (key: string, value: JsonNode, name: JsonNode) => void): void {
    if (!this.isObject) return;
    const stop = this.#at(this.#index, 3);
    for (let at = this.#index + 1; at < stop; at = this.#at(at + 1, 3)) {
      visit(this.#decode(at), new JsonNode(this.#tape, at + 1), new JsonNode(this.#tape, at));
    }
  }

  /** The elements of an array in order. Nothing for other values. */
  elements(visit: (value: JsonNode, index: number) => void): void {
    if (!this.isArray) return;
    const stop = this.#at(this.#index, 3);
    let position = 0;
    for (let at = this.#index + 1; at < stop; at = this.#at(at, 3)) visit(new JsonNode(this.#tape, at), position++);
  }

  /** Number of elements of an array; undefined for anything else. */
  get length(): number | undefined {
    if (!this.isArray) return undefined;
    let count = 0;
    const stop = this.#at(this.#index, 3);
    for (let at = this.#index + 1; at < stop; at = this.#at(at, 3)) count++;
    return count;
  }

  #decode(index: number): string {
    const start = this.#at(index, 1);
    const end = this.#at(index, 2);
    const { bytes } = this.#tape;
    if (this.#at(index, 0) === Kind.string) return bytes.toString('utf8', start + 1, end - 1);
    return String(JSON.parse(bytes.toString('utf8', start, end)));
  }

  #isKey(index: number, key: string): boolean {
    if (this.#at(index, 0) === Kind.escaped) return this.#decode(index) === key;
    const start = this.#at(index, 1) + 1;
    if (this.#at(index, 2) - 1 - start !== key.length) return false; // keys that we look for are ASCII
    for (let offset = 0; offset < key.length; offset++) {
      if (this.#tape.bytes[start + offset] !== key.charCodeAt(offset)) return false;
    }
    return true;
  }
}

/** The root of a JSON document; undefined: not JSON, or beyond the limits. */
export function parseJsonNode(bytes: Buffer, limits?: ScanLimits): JsonNode | undefined {
  const tape = scanJson(bytes, limits);
  return tape === undefined ? undefined : new JsonNode(tape, 0);
}
