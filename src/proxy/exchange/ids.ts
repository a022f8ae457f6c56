// SPDX-License-Identifier: Apache-2.0
// Ids of requests and decisions: random, so that they say nothing and cannot be guessed.

/** 96 bits: no two calls of a fleet meet. */
const ID_BYTES = 12;
/** One call of the system's generator for many ids. */
const IDS_AT_ONCE = 256;

/** `random` gives that many unpredictable bytes. */
export function createIds(random: (bytes: number) => Buffer): (prefix: 'req' | 'dec') => string {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return (prefix) => {
    if (used >= pool.length) {
      pool = random(ID_BYTES * IDS_AT_ONCE);
      used = 0;
    }
    const id = pool.toString('base64url', used, used + ID_BYTES);
    used += ID_BYTES;
    return `${prefix}_${id}`;
  };
}
