// SPDX-License-Identifier: Apache-2.0
// Where things stand in a JSON text: the first place where it is none, or each of its values by path. Browsers' own parsers say neither, or
// each in words of its own. Pure; offsets from 0, lines and columns from 1.

/** What a parser looks for. */
export type Expected = 'value' | 'name' | 'colon' | 'comma-or-brace' | 'comma-or-bracket' | 'end';

export type JsonScan =
  | { readonly kind: 'broken'; readonly at: number; readonly expected: Expected }
  /** Offsets by path, as in `exports.0.url`; '' is the whole. A member stands where its name does. */
  | { readonly kind: 'whole'; readonly places: ReadonlyMap<string, number> };

const SPACE = /[ \t\r\n]*/y;
// RFC 8259, sections 6 and 7.
const TEXT = /"(?:[^"\\\p{Cc}]|\x7f|[\x80-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SIMPLE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class Broken {
  readonly at: number;
  readonly expected: Expected;
  constructor(at: number, expected: Expected) {
    this.at = at;
    this.expected = expected;
  }
}

/** Throws a RangeError for what is nested thousands of levels deep, as the browser's parser does. */
export function scanJson(text: string): JsonScan {
  const places = new Map<string, number>();
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const skip = (): void => void take(SPACE);
  const has = (sign: string): boolean => {
    skip();
    if (text[at] !== sign) return false;
    at += 1;
    return true;
  };
  const below = (path: string, name: string | number): string => (path === '' ? String(name) : `${path}.${name}`);

  const members = (path: string): void => {
    if (has('}')) return;
    do {
      skip();
      const start = at;
      const name = take(TEXT);
      if (name === undefined) throw new Broken(start, 'name');
      const own = below(path, JSON.parse(name));
      places.set(own, start);
      if (!has(':')) throw new Broken(at, 'colon');
      value(own);
    } while (has(','));
    if (!has('}')) throw new Broken(at, 'comma-or-brace');
  };
  const items = (path: string): void => {
    if (has(']')) return;
    let index = 0;
    do {
      skip();
      const own = below(path, index);
      places.set(own, at);
      value(own);
      index += 1;
    } while (has(','));
    if (!has(']')) throw new Broken(at, 'comma-or-bracket');
  };
  const value = (path: string): void => {
    if (has('{')) members(path);
    else if (has('[')) items(path);
    else if (take(TEXT) === undefined && (take(SIMPLE) ?? '') === '') throw new Broken(at, 'value');
  };

  try {
    skip();
    places.set('', at);
    value('');
    skip();
    if (at < text.length) throw new Broken(at, 'end');
    return { kind: 'whole', places };
  } catch (error) {
    if (error instanceof Broken) return { kind: 'broken', at: error.at, expected: error.expected };
    throw error;
  }
}

/** Of the value, or of the nearest one around it: what is missing stands nowhere. */
export function placeOf(places: ReadonlyMap<string, number>, path: string): number {
  const parts = path === '' ? [] : path.split('.');
  while (parts.length > 0) {
    const found = places.get(parts.join('.'));
    if (found !== undefined) return found;
    parts.pop();
  }
  return places.get('') ?? 0;
}
