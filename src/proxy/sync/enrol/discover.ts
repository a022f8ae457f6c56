// SPDX-License-Identifier: Apache-2.0
// The first question to a server: is it a control plane that we understand, and what time is it there. Nothing of the device is told before.

import type { Clock } from '../../../contract/clock.ts';
import { isText, isWhole } from '../../../contract/members.ts';
import { PROTOCOL } from '../../../contract/sync/limits.ts';
import { EnrolError } from './enrol-error.ts';
import { type Ask, readAnswer } from './server.ts';

/** The server's time as far as it was told, for signatures. Unsigned: it decides nothing here. */
export interface ServerTime {
  /** Seconds since the Unix epoch. */
  created(): number;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** The server told its time anew, in milliseconds since the Unix epoch. */
  correct(now: number): void;
}

export function serverTime(clock: Clock, told: number): ServerTime {
  let [at, said] = [clock.monotonic(), told];
  const now = (): number => Math.floor(said + clock.monotonic() - at);
  return {
    now,
    created: () => Math.floor(now() / 1000),
    correct(later) {
      [at, said] = [clock.monotonic(), later];
    },
  };
}

/** Tries once more when the server says that the date of the signature is wrong, and what it should be. */
export async function atServerTime<T>(time: ServerTime, once: () => Promise<T>): Promise<T> {
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof EnrolError) || error.code !== 'clock' || error.now === undefined) throw error;
    time.correct(error.now);
    return await once();
  }
}

interface Discovery {
  readonly protocols: readonly string[];
  readonly now: number;
}

/** Throws EnrolError for whatever is no control plane, or one of another protocol. */
export async function discover(ask: Ask, clock: Clock): Promise<ServerTime> {
  const reply = await ask({ method: 'GET', path: '.well-known/outpost-sync' });
  const { protocols, now } = readAnswer<Discovery>(reply, {
    protocols: (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
    now: (value) => isWhole(value, 0),
  });
  if (!protocols.includes(PROTOCOL)) {
    const theirs = protocols.filter((name) => /^outpost-sync\/\d{1,6}$/.test(name)).slice(0, 4);
    const spoken = theirs.length === 0 ? 'no protocol that is known here' : theirs.join(', ');
    throw new EnrolError(
      'protocol',
      `the server speaks ${spoken}, this agent ${PROTOCOL}; update the older of the two`,
    );
  }
  return serverTime(clock, now);
}
