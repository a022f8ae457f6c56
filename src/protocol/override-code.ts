// SPDX-License-Identifier: Apache-2.0
// The code that an administrator reads out over the telephone to lift the rules on one device that cannot reach the server. Both ends
// compute it; who may ask for it, what it lifts and where keys and used codes are kept is not known here.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** For how long a code can lift the rules. */
export const OVERRIDE_MINUTES = [15, 30, 60, 240] as const;
export type OverrideMinutes = (typeof OVERRIDE_MINUTES)[number];

/** Random bytes, one key per device. */
export const OVERRIDE_KEY_BYTES = 32;

const DIGITS = 8;
const WINDOW_SECONDS = 1800;

/** The number in an HMAC: 31 bits from where its last four bits point (RFC 4226, 5.3). */
export function truncate(hmac: Uint8Array): number {
  const view = new DataView(hmac.buffer, hmac.byteOffset, hmac.byteLength);
  const offset = view.getUint8(hmac.byteLength - 1) & 0x0f;
  return view.getUint32(offset) & 0x7fff_ffff;
}

function windowAt(nowMs: number): number {
  return Math.floor(nowMs / 1000 / WINDOW_SECONDS);
}

/** The remainder prefers small codes by one part in twenty-one, which helps nobody. */
function codeIn(key: Uint8Array, window: number, minutes: OverrideMinutes): string {
  if (key.byteLength !== OVERRIDE_KEY_BYTES) throw new RangeError(`an override key has ${OVERRIDE_KEY_BYTES} bytes`);
  const message = Buffer.alloc(10);
  message.writeBigUInt64BE(BigInt(window));
  message.writeUInt16BE(minutes, 8);
  const number = truncate(createHmac('sha256', key).update(message).digest()) % 10 ** DIGITS;
  return String(number).padStart(DIGITS, '0');
}

/** The code that lifts the rules for `minutes` when it is typed within the next half hour. @param nowMs milliseconds since the epoch */
export function overrideCode(key: Uint8Array, nowMs: number, minutes: OverrideMinutes): string {
  return codeIn(key, windowAt(nowMs), minutes);
}

export interface Override {
  readonly minutes: OverrideMinutes;
  /** To be kept among the used ones, for good or until its window has long passed. */
  readonly id: string;
}

/**
 * What a typed code allows; undefined when nothing. Codes of this half hour, the one before and the one after count, so that both
 * clocks may be wrong by half an hour; each once. All candidates are computed and compared whatever is found.
 * @param nowMs trusted time: by the wall clock an old code could be made to count again
 */
export function checkOverrideCode(
  key: Uint8Array,
  code: string,
  nowMs: number,
  used: ReadonlySet<string>,
): Override | undefined {
  if (!/^\d{8}$/.test(code)) return undefined;
  const typed = Buffer.from(code, 'latin1');
  const now = windowAt(nowMs);
  let found: Override | undefined;
  for (const window of [now, now - 1, now + 1]) {
    // Before the epoch there are no windows.
    if (window < 0) continue;
    for (const minutes of OVERRIDE_MINUTES) {
      const id = `${window}-${minutes}`;
      const same = timingSafeEqual(typed, Buffer.from(codeIn(key, window, minutes), 'latin1'));
      if (same && !used.has(id)) found ??= { minutes, id };
    }
  }
  return found;
}

const MOST_TRIES = 5;
const TRIES_MS = 15 * 60_000;

export interface CountedTry {
  readonly allowed: boolean;
  /** To be kept for the next, whether allowed or not. */
  readonly tries: readonly number[];
}

/**
 * Whether a code may be tried now. Twelve of 10^8 codes are right at any time, so that one who never stops (480 tries a day) finds
 * one within a year with a chance of one in fifty.
 * @param tries the times of those that counted; none at first
 */
export function countTry(tries: readonly number[], nowMs: number): CountedTry {
  // A clock that was corrected backwards must not lock for longer than one that was right.
  const recent = tries.map((at) => Math.min(at, nowMs)).filter((at) => nowMs - at < TRIES_MS);
  const allowed = recent.length < MOST_TRIES;
  return { allowed, tries: allowed ? [...recent, nowMs] : recent };
}
