// SPDX-License-Identifier: Apache-2.0
// Takes elements out of arrays and members out of objects anywhere in a JSON body, each with its comma, and leaves every other byte as it
// was. Knows nothing of dialects.

import type { ByteSpan } from './splice.ts';

/** `text` takes the place of the bytes; '' only cuts them out. */
export interface Cut extends ByteSpan {
  readonly text: string;
}

/** The cuts that take some of the neighbours (elements of one array, or members of one object, in order) out with a comma each. */
export function cutsOf<T extends ByteSpan>(neighbours: readonly T[], isGone: (item: T) => boolean): readonly Cut[] {
  const cuts: Cut[] = [];
  let kept = false;
  for (const [index, item] of neighbours.entries()) {
    if (!isGone(item)) {
      kept = true;
      continue;
    }
    // Behind one that stays the comma before goes, else the comma after; what stands alone has none.
    const start = kept ? (neighbours[index - 1]?.end ?? item.start) : item.start;
    const end = kept ? item.end : (neighbours[index + 1]?.start ?? item.end);
    cuts.push({ start, end, text: '' });
  }
  return cuts;
}

/** `cuts` in order and apart from each other. The same buffer if there are none. */
export function withCuts(body: Buffer, cuts: readonly Cut[]): Buffer {
  if (cuts.length === 0) return body;
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end, text } of cuts) {
    pieces.push(body.subarray(at, start));
    if (text !== '') pieces.push(Buffer.from(text));
    at = end;
  }
  pieces.push(body.subarray(at));
  return Buffer.concat(pieces);
}
