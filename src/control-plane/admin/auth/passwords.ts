// SPDX-License-Identifier: Apache-2.0
// Passwords as they are kept (scrypt), and the comparison with what somebody typed. Takes the same time whether there is one to compare
// with or not. Knows nobody.

import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { AdminError } from '../admin-error.ts';

interface Cost {
  /** Power of two. */
  readonly log: number;
  readonly block: number;
  readonly passes: number;
}

/** OWASP's recommendation with the least memory that this many threads can share: 32 MiB and about 0.2 s each. */
const COST: Cost = { log: 15, block: 8, passes: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Computed at once. Each has a thread of libuv's four, which files and names need as well. */
const MOST_AT_ONCE = 2;
/** About a second's. A longer queue would only let a flood take longer. */
const MOST_WAITING = 10;

const KEPT = /^scrypt\$(\d{2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

/** What is kept of a password: its parameters, a salt of its own, the hash. */
export async function hashPassword(password: string, random: (bytes: number) => Buffer): Promise<string> {
  const salt = random(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  const { log, block, passes } = COST;
  return ['scrypt', log, block, passes, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** @param kept null: there is none; false then, after the same time */
export async function isPassword(password: string, kept: string | null): Promise<boolean> {
  const [, log, block, passes, salt, wanted] = KEPT.exec(kept ?? '') ?? [];
  const known = salt !== undefined && wanted !== undefined;
  const cost = known ? { log: Number(log), block: Number(block), passes: Number(passes) } : COST;
  const hash = await derive(password, known ? Buffer.from(salt, 'base64url') : Buffer.alloc(SALT_BYTES), cost);
  const held = known ? Buffer.from(wanted, 'base64url') : Buffer.alloc(HASH_BYTES);
  return timingSafeEqual(hash, held) && known;
}

/** A password that somebody is told once: 120 bits in 20 characters. */
export function newPassword(random: (bytes: number) => Buffer): string {
  return random(15).toString('base64url');
}

let running = 0;
const waiting: (() => void)[] = [];

/** However many ask at once, the memory for it is bounded. */
async function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  if (running >= MOST_AT_ONCE) {
    if (waiting.length >= MOST_WAITING)
      throw new AdminError('rate', 'too many people sign in just now', { retryAfter: 5 });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await compute(password, salt, cost);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function compute(password: string, salt: Buffer, { log, block, passes }: Cost): Promise<Buffer> {
  const cost = 2 ** log;
  const options: ScryptOptions = { cost, blockSize: block, parallelization: passes, maxmem: 256 * cost * block };
  return new Promise((resolve, reject) => {
    // One keyboard sends ü as one character, another as two.
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
