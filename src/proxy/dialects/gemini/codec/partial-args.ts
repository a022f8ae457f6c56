// SPDX-License-Identifier: Apache-2.0
// Arguments that Vertex streams in pieces: each piece names a place by JSON path ("$.city", "$.days[0].note") and brings a value or
// the next part of a text. Pieces come in any order of places, so the object is whole only at the end.

import { asArray, asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { camelKeys } from './wire.ts';

const MAX_DEPTH = 64;
const STEP = /\.([^.[\]'"]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

type Node = Map<string, unknown> | unknown[];

export class PartialArgs {
  readonly #root = new Map<string, unknown>();
  #broken = false;

  /** Takes the `partialArgs` of one chunk. */
  add(pieces: unknown): void {
    for (const item of asArray(pieces)) {
      const piece = camelKeys(asObject(item) ?? {});
      const path = stepsOf(asString(piece['jsonPath']) ?? '');
      const value = pieceValue(piece);
      if (path === undefined || value === undefined || !put(this.#root, path, value)) this.#broken = true;
    }
  }

  /** Members that came whole. */
  addAll(args: Values): void {
    for (const [name, value] of Object.entries(args)) this.#root.set(name, value);
  }

  /** JSON text of all; undefined when pieces did not fit together. */
  text(): string | undefined {
    return this.#broken ? undefined : jsonText(plain(this.#root));
  }
}

function pieceValue(piece: Values): string | number | boolean | null | undefined {
  for (const name of ['stringValue', 'numberValue', 'boolValue'] as const) {
    const value = piece[name];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  }
  return 'nullValue' in piece ? null : undefined;
}

/** Names and indices of a path; undefined: not such a path. */
function stepsOf(path: string): readonly (string | number)[] | undefined {
  if (!path.startsWith('$')) return undefined;
  const steps: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (match === null || steps.length >= MAX_DEPTH) return undefined;
    const [, name, index, single, double] = match;
    const quoted = (single ?? double)?.replace(/\\(.)/g, '$1');
    steps.push(index === undefined ? (name ?? quoted ?? '') : Number(index));
  }
  return steps.length === 0 ? undefined : steps;
}

/** False: the path does not fit what is there. Lists grow by one at a time. */
function put(root: Node, path: readonly (string | number)[], value: unknown): boolean {
  let node = root;
  for (const [at, step] of path.entries()) {
    const there = look(node, step);
    if (there === NO_PLACE) return false;
    if (at === path.length - 1) {
      const text = typeof there === 'string' && typeof value === 'string' ? there + value : value;
      if (there instanceof Map || Array.isArray(there)) return false;
      set(node, step, text);
      return true;
    }
    if (there instanceof Map || Array.isArray(there)) node = there;
    else if (there === undefined) {
      const made: Node = typeof path[at + 1] === 'number' ? [] : new Map();
      set(node, step, made);
      node = made;
    } else return false;
  }
  return false;
}

const NO_PLACE = Symbol('no such place');

function look(node: Node, step: string | number): unknown {
  if (node instanceof Map) return typeof step === 'string' ? node.get(step) : NO_PLACE;
  return typeof step === 'number' && step <= node.length ? node[step] : NO_PLACE;
}

function set(node: Node, step: string | number, value: unknown): void {
  if (node instanceof Map) node.set(String(step), value);
  else if (typeof step === 'number') node[step] = value;
}

/** Maps keep hostile names ("__proto__") apart until here; fromEntries defines them as members. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, one]) => [name, plain(one)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
