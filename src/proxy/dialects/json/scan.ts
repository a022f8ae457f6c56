// SPDX-License-Identifier: Apache-2.0
// An exact JSON scanner over bytes: accepts what JSON.parse accepts and remembers where every value stands, so that a body can be
// read and spliced without being written anew. Iterative, bounded in depth and size. Knows nothing of dialects.

/** What a node is. Strings with escapes are marked, because only they need decoding. */
export const Kind = { object: 0, array: 1, string: 2, escaped: 3, number: 4, true: 5, false: 6, null: 7 } as const;

/** Integers per node on the tape: kind, start byte, end byte, index of the node after this one's subtree. */
export const STRIDE = 4;

/** The nodes of a document in document order; an object's children alternate key, value. */
export interface Tape {
  readonly bytes: Buffer;
  readonly nodes: Int32Array;
}

export interface ScanLimits {
  /** Deepest nesting that is followed. Real requests stay under 60 (JSON schemas of tools). */
  readonly maxDepth: number;
  /** 2 million nodes take 32 MB while the request is read; token arrays of 16 MB bodies stay above, chats far below. */
  readonly maxNodes: number;
}

const SCAN_LIMITS: ScanLimits = { maxDepth: 512, maxNodes: 2_000_000 };

const VALUE = 0;
const FIRST_ELEMENT = 1;
const FIRST_KEY = 2;
const KEY = 3;
const AFTER = 4;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Scans one JSON document. A UTF-8 byte order mark in front is skipped.
 * @returns undefined: not JSON, or beyond the limits.
 */
export function scanJson(bytes: Buffer, limits: ScanLimits = SCAN_LIMITS): Tape | undefined {
  const size = bytes.length;
  const maxInts = limits.maxNodes * STRIDE;
  let nodes = new Int32Array(Math.min(maxInts, Math.max(256, (size >> 4) * STRIDE)));
  let used = 0;
  const open = new Int32Array(limits.maxDepth);
  let depth = 0;
  let state = VALUE;
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;

  for (;;) {
    let byte = -1;
    while (at < size) {
      byte = bytes[at] ?? -1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at++;
    }
    if (at >= size) {
      return state === AFTER && depth === 0 ? { bytes, nodes: nodes.subarray(0, used) } : undefined;
    }

    if (state === AFTER) {
      const parent = depth === 0 ? -1 : (open[depth - 1] ?? -1);
      if (parent < 0) return undefined;
      const inObject = nodes[parent] === Kind.object;
      if (byte === 0x2c) {
        at++;
        state = inObject ? KEY : VALUE;
      } else if (byte === (inObject ? 0x7d : 0x5d)) {
        at++;
        nodes[parent + 2] = at;
        nodes[parent + 3] = used / STRIDE;
        depth--;
      } else return undefined;
      continue;
    }

    if (used + STRIDE > nodes.length) {
      if (nodes.length >= maxInts) return undefined;
      const larger = new Int32Array(Math.min(maxInts, nodes.length * 2));
      larger.set(nodes);
      nodes = larger;
    }

    if (state === KEY || state === FIRST_KEY) {
      if (byte === QUOTE) {
        const end = stringEnd(bytes, at, size);
        if (end === 0) return undefined;
        const stop = Math.abs(end);
        nodes[used] = end < 0 ? Kind.escaped : Kind.string;
        nodes[used + 1] = at;
        nodes[used + 2] = stop;
        used += STRIDE;
        nodes[used - 1] = used / STRIDE;
        at = stop;
        while (at < size) {
          byte = bytes[at] ?? -1;
          if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
          at++;
        }
        if (at >= size || byte !== 0x3a) return undefined;
        at++;
        state = VALUE;
        continue;
      }
      if (byte !== 0x7d || state === KEY) return undefined;
      state = AFTER; // an empty object: the common path closes it
      continue;
    }
    if (state === FIRST_ELEMENT && byte === 0x5d) {
      state = AFTER;
      continue;
    }

    let kind: number;
    let end: number;
    if (byte === QUOTE) {
      end = stringEnd(bytes, at, size);
      kind = end < 0 ? Kind.escaped : Kind.string;
      end = Math.abs(end);
    } else if (byte === 0x7b || byte === 0x5b) {
      if (depth >= limits.maxDepth) return undefined;
      open[depth++] = used;
      nodes[used] = byte === 0x7b ? Kind.object : Kind.array;
      nodes[used + 1] = at;
      used += STRIDE;
      at++;
      state = byte === 0x7b ? FIRST_KEY : FIRST_ELEMENT;
      continue;
    } else if (byte === 0x74) {
      kind = Kind.true;
      end = wordEnd(bytes, at, 'true');
    } else if (byte === 0x66) {
      kind = Kind.false;
      end = wordEnd(bytes, at, 'false');
    } else if (byte === 0x6e) {
      kind = Kind.null;
      end = wordEnd(bytes, at, 'null');
    } else {
      kind = Kind.number;
      end = numberEnd(bytes, at, size);
    }
    if (end === 0) return undefined;
    nodes[used] = kind;
    nodes[used + 1] = at;
    nodes[used + 2] = end;
    used += STRIDE;
    nodes[used - 1] = used / STRIDE;
    at = end;
    state = AFTER;
  }
}

/** Offset after the closing quote; negative: the string has escapes; 0: not a string. */
function stringEnd(bytes: Buffer, start: number, size: number): number {
  let escaped = false;
  for (let at = start + 1; at < size; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return escaped ? -(at + 1) : at + 1;
    if (byte < 0x20) return 0;
    if (byte !== BACKSLASH) continue;
    escaped = true;
    at++;
    const letter = at < size ? bytes[at] : 0;
    if (letter === 0x75) {
      for (let digit = 1; digit <= 4; digit++) if (at + digit >= size || !isHex(bytes[at + digit] ?? 0)) return 0;
      at += 4;
    } else if (
      letter !== QUOTE &&
      letter !== BACKSLASH &&
      letter !== 0x2f && // solidus
      letter !== 0x62 && // b
      letter !== 0x66 && // f
      letter !== 0x6e && // n
      letter !== 0x72 && // r
      letter !== 0x74 // t
    ) {
      return 0;
    }
  }
  return 0;
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function wordEnd(bytes: Buffer, start: number, word: string): number {
  for (let offset = 0; offset < word.length; offset++) {
    if (bytes[start + offset] !== word.charCodeAt(offset)) return 0;
  }
  return start + word.length;
}

function numberEnd(bytes: Buffer, start: number, size: number): number {
  let at = start;
  if (bytes[at] === 0x2d) at++;
  if (bytes[at] === 0x30) at++;
  else {
    const after = digitsEnd(bytes, at, size);
    if (after === at) return 0;
    at = after;
  }
  if (at < size && bytes[at] === 0x2e) {
    const after = digitsEnd(bytes, at + 1, size);
    if (after === at + 1) return 0;
    at = after;
  }
  if (at < size && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    const after = digitsEnd(bytes, at, size);
    if (after === at) return 0;
    at = after;
  }
  return at;
}

function digitsEnd(bytes: Buffer, start: number, size: number): number {
  let at = start;
  while (at < size) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) break;
    at++;
  }
  return at;
}
