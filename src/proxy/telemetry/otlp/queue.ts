// SPDX-License-Identifier: Apache-2.0
// A queue of encoded records that is bounded in number and size; when it is full the oldest go, because the newest tell about the
// trouble at hand. Knows nothing of what is in it.

import type { Envelope } from './encode.ts';

/** Items of one request, and its characters: far below the 20 MiB that receivers must take. */
const BATCH_ITEMS = 512;
const BATCH_CHARACTERS = 1_048_576;
const MAX_ITEMS = 2_048;
const MAX_CHARACTERS = 4_194_304;

interface Item {
  readonly json: string;
  readonly records: number;
}

export interface Batch {
  readonly body: string;
  readonly records: number;
}

export interface RecordQueue {
  /** Is there enough for a full request? */
  readonly full: boolean;
  /** `dropped` records had to go. */
  push(item: Item): { readonly dropped: number };
  take(): Batch | undefined;
  /** Empties it; says how many records it held. */
  clear(): number;
}

export function createQueue({ before, after }: Envelope): RecordQueue {
  const items: Item[] = [];
  let characters = 0;
  const shift = (): Item | undefined => {
    const item = items.shift();
    characters -= item?.json.length ?? 0;
    return item;
  };
  return {
    get full() {
      return items.length >= BATCH_ITEMS || characters >= BATCH_CHARACTERS;
    },
    push(item) {
      items.push(item);
      characters += item.json.length;
      let dropped = 0;
      while (items.length > MAX_ITEMS || characters > MAX_CHARACTERS) dropped += shift()?.records ?? 0;
      return { dropped };
    },
    take() {
      const texts: string[] = [];
      let records = 0;
      let size = 0;
      for (let next = items[0]; next !== undefined && texts.length < BATCH_ITEMS; next = items[0]) {
        if (size > 0 && size + next.json.length > BATCH_CHARACTERS) break;
        shift();
        texts.push(next.json);
        records += next.records;
        size += next.json.length;
      }
      return texts.length === 0 ? undefined : { body: `${before}${texts.join(',')}${after}`, records };
    },
    clear() {
      const records = items.reduce((sum, item) => sum + item.records, 0);
      items.length = 0;
      characters = 0;
      return records;
    },
  };
}
