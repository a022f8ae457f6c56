// SPDX-License-Identifier: Apache-2.0
// How a browser signs in: a one-time code from the terminal becomes a cookie. Owns codes and cookie values; knows no HTTP.

import { createHmac } from 'node:crypto';
import type { Clock } from '../../contract/clock.ts';
import { sameSecret } from './secret.ts';

/** Long enough to switch to the browser, too short for a code that lies about in a history. */
export const CODE_LIFE_MS = 60_000;
/** A working day; after it a new code is needed. */
export const SESSION_LIFE_MS = 12 * 3_600_000;
/** Nobody waits for more; the oldest gives way. */
const MOST_CODES = 8;

export interface SignIn {
  /** A new code, good for one use within CODE_LIFE_MS. */
  issue(): string;
  /** Takes the code away; the value of the session cookie, or undefined: unknown, used or too old. */
  redeem(code: string): string | undefined;
  isSession(cookie: string): boolean;
}

export interface SignInParts {
  readonly clock: Clock;
  /** The API's token. Sessions are signed with a key made of it: they survive a restart and end when the token changes. */
  readonly token: string;
  readonly random: (bytes: number) => Buffer;
}

export function createSignIn({ clock, token, random }: SignInParts): SignIn {
  /** Code to its end on the monotonic clock; oldest first. */
  const codes = new Map<string, number>();
  const key = createHmac('sha256', token).update('outpost page session, version 1').digest();
  const sign = (text: string) => createHmac('sha256', key).update(text).digest('base64url');

  return {
    issue() {
      const oldest = codes.size >= MOST_CODES ? codes.keys().next().value : undefined;
      if (oldest !== undefined) codes.delete(oldest);
      const code = random(16).toString('base64url');
      codes.set(code, clock.monotonic() + CODE_LIFE_MS);
      return code;
    },
    redeem(code) {
      const end = codes.get(code);
      codes.delete(code);
      if (end === undefined || clock.monotonic() >= end) return undefined;
      const claim = `${clock.now() + SESSION_LIFE_MS}.${random(16).toString('base64url')}`;
      return `${claim}.${sign(claim)}`;
    },
    isSession(cookie) {
      const cut = cookie.lastIndexOf('.');
      if (cut < 0 || cookie.length > 256) return false;
      const claim = cookie.slice(0, cut);
      return sameSecret(sign(claim), cookie.slice(cut + 1)) && clock.now() < Number(claim.split('.')[0]);
    },
  };
}
