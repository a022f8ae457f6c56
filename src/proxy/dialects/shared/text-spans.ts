// SPDX-License-Identifier: Apache-2.0
// Collects the places of texts in a request body. Knows the shapes that the dialects share: a string, or a list of parts.

import type { TextSpan } from '../dialect.ts';
import type { JsonNode } from '../json/node.ts';

export type Role = TextSpan['role'];

/** Members of a content part that hold text of a person, a model or a tool, over all dialects. */
const TEXT_MEMBERS = [
  'text',
  'thinking',
  'refusal',
  'transcript',
  'summary',
  'title',
  'context',
  'content',
  'output',
  'result',
  'input',
  'arguments',
  'code',
] as const;

/** One JSON pointer token (RFC 6901). */
export function pointerTo(base: string, token: string | number): string {
  return `${base}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export class TextSpans {
  readonly #found: TextSpan[];
  readonly #base: string;

  constructor(found: TextSpan[] = [], base = '') {
    this.#found = found;
    this.#base = base;
  }

  get found(): readonly TextSpan[] {
    return this.#found;
  }

  /** The same collection for a document that stands inside another one. */
  below(base: string): TextSpans {
    return new TextSpans(this.#found, this.#base + base);
  }

  /** The node itself, if it is a string. */
  string(role: Role, pointer: string, node: JsonNode | undefined): void {
    if (node?.isString) this.#found.push({ role, pointer: this.#base + pointer, start: node.start, end: node.end });
  }

  /** Every string below the node: tool arguments and results are free JSON. Nesting is bounded by the scanner. */
  all(role: Role, pointer: string, node: JsonNode | undefined): void {
    if (node === undefined) return;
    if (node.isString) this.string(role, pointer, node);
    else if (node.isArray) node.elements((item, index) => this.all(role, pointerTo(pointer, index), item));
    else node.members((key, value) => this.all(role, pointerTo(pointer, key), value));
  }

  /** A string, a list of strings and parts, or one part. */
  content(role: Role, pointer: string, node: JsonNode | undefined): void {
    if (node === undefined) return;
    if (node.isString) this.string(role, pointer, node);
    else if (node.isArray) node.elements((part, index) => this.content(role, pointerTo(pointer, index), part));
    else if (node.isObject) this.#part(role, pointer, node);
  }

  #part(role: Role, pointer: string, part: JsonNode): void {
    const type = part.get('type')?.string;
    const partRole = type === 'tool_result' ? 'tool' : role;
    for (const member of TEXT_MEMBERS) {
      const value = part.get(member);
      if (value === undefined) continue;
      const at = pointerTo(pointer, member);
      // What a tool is called with is free JSON.
      if (member === 'input' || member === 'arguments') this.all(partRole, at, value);
      else this.content(partRole, at, value);
    }
    // Anthropic documents: plain text, or parts of their own.
    const source = part.get('source');
    const sourceType = source?.get('type')?.string;
    if (sourceType === 'text') this.string(partRole, `${pointer}/source/data`, source?.get('data'));
    else if (sourceType === 'content') this.content(partRole, `${pointer}/source/content`, source?.get('content'));
  }
}

/** The dialects' words for who speaks. */
export function roleOf(word: string | undefined): Role {
  switch (word?.toLowerCase()) {
    case 'system':
    case 'developer':
      return 'system';
    case 'user':
    case 'human':
      return 'user';
    case 'assistant':
    case 'model':
    case 'chatbot':
      return 'assistant';
    case 'tool':
    case 'function':
    case 'ipython':
      return 'tool';
    default:
      return 'other';
  }
}
