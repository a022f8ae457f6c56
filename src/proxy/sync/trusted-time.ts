// SPDX-License-Identifier: Apache-2.0
// What time it is for decisions that a person at the machine must not put off by turning the clock. A pure value: who reads the
// clocks, talks to the server and writes the disk is not known here, nor what the time is used for.
//
// Three clocks, none of which is enough alone. The server's is right, but heard only now and then. The monotonic one cannot be turned
// but starts anew with each process and, on Linux, stands still while the machine sleeps. The wall clock goes on through all that and
// is anybody's. So time passes by whichever of the two local clocks says more, and only the server takes back what the wall clock
// claimed too much; what the monotonic clock measured since the server's word ("proven") is never taken back.

import type { Clock } from '../../contract/clock.ts';
import { hasMembers, isWhole, type MemberTests } from '../../contract/members.ts';

/** Both local clocks at one moment, milliseconds. */
export interface Reading {
  readonly monotonic: number;
  readonly wall: number;
}

export function readClock(clock: Clock): Reading {
  return { monotonic: clock.monotonic(), wall: clock.now() };
}

/** Times are milliseconds since the Unix epoch. */
interface ServerWord {
  /** The latest time that the server has signed. */
  readonly said: number;
  /** That time and all that the monotonic clock has measured since; for certain it is not earlier. */
  readonly proven: number;
  /** The server's time minus the wall clock's when it spoke, so that a wall clock that is wrong but steady does no harm. */
  readonly ahead: number;
}

export interface TrustedTime {
  /** The reading of this process's monotonic clock for which the members below hold. */
  readonly monotonicAt: number;
  /**
   * The latest time that was trusted. It goes on with the monotonic clock: standing still after the wall clock was set back would
   * lengthen every deadline.
   */
  readonly highWater: number;
  readonly server: ServerWord | undefined;
  /** Trusted time of the last attempt that brought nothing; undefined since the server answered. */
  readonly failedAt: number | undefined;
  /** What is added to the wall clock in signed requests. Unsigned, so it has no part in trusted time. Milliseconds. */
  readonly requestDelta: number;
}

/**
 * Time before anything is known. Until the server has spoken the wall clock counts as it is, so that deadlines pass without it.
 * @param earliest the build date
 */
export function startTime(reading: Reading, earliest: number): TrustedTime {
  const state = { monotonicAt: reading.monotonic, highWater: earliest, server: undefined, failedAt: undefined };
  return observe({ ...state, requestDelta: 0 }, reading);
}

/** The same, a moment later. To be called now and then: what nobody saw leaves no mark. */
export function observe(state: TrustedTime, reading: Reading): TrustedTime {
  const passed = Math.max(reading.monotonic - state.monotonicAt, 0);
  const { server } = state;
  return {
    ...state,
    monotonicAt: reading.monotonic,
    // Measured from the server's word, not from look to look: a wall clock set to and fro must not add up.
    highWater: Math.max(state.highWater + passed, reading.wall + (server?.ahead ?? 0)),
    server: server === undefined ? undefined : { ...server, proven: server.proven + passed },
  };
}

/** Milliseconds since the Unix epoch. What loosens something ends by this one: no clock that is set back puts it off. */
export function trustedNow(state: TrustedTime, reading: Reading): number {
  return Math.floor(observe(state, reading).highWater);
}

/**
 * For certain it is not earlier, whatever the wall clock says. What forbids something ends by this one: no clock that is set on brings
 * that about. The same as `trustedNow` while nothing is proven.
 */
export function provenNow(state: TrustedTime, reading: Reading): number {
  const { highWater, server } = observe(state, reading);
  return Math.floor(server?.proven ?? highWater);
}

/** At the start there is a document whose signatures hold: it is not before that was issued, whatever became of the state. */
export function withDocument(state: TrustedTime, issued: number): TrustedTime {
  const { said, proven, ahead } = state.server ?? { said: issued, proven: issued, ahead: 0 };
  const highWater = Math.max(state.highWater, issued);
  return { ...state, highWater, server: { said, proven: Math.max(proven, issued), ahead } };
}

/** The two times of a freshness document. */
interface Lifetime {
  readonly issued: number;
  readonly expires: number;
}

/**
 * The server answered: with a document, or with 304 for the one at hand. To be called when signature, organisation, ring and sequence
 * are right and before expiry is judged, since the answer may take time back to where the document is valid. Only what is newer than
 * all before does so; a repeated document could be replayed to hide the weeks that the machine was off.
 * Undefined when it is dated before the build of this agent: not to be believed, so the attempt brought nothing (`missed`).
 */
export function heard(
  state: TrustedTime,
  { issued, expires }: Lifetime,
  reading: Reading,
  buildDate: number,
): TrustedTime | undefined {
  if (!isTime(issued) || issued < buildDate) return undefined;
  const before = observe(state, reading);
  const { said, proven: measured } = before.server ?? { said: Number.NEGATIVE_INFINITY, proven: issued };
  const proven = Math.max(measured, issued);
  // Expired for certain: as good as no answer.
  if (proven >= expires) return missed(before, reading);
  const answered = { ...before, failedAt: undefined };
  if (issued <= said) return answered;
  return { ...answered, highWater: proven, server: { said: issued, proven, ahead: proven - reading.wall } };
}

/** An attempt to reach the server brought nothing: no answer, an error, or a document that was refused. */
export function missed(state: TrustedTime, reading: Reading): TrustedTime {
  return { ...observe(state, reading), failedAt: trustedNow(state, reading) };
}

/**
 * The server refused a request for its date and told its own time. Undefined when that is before the build of this agent.
 * @param serverNow milliseconds since the Unix epoch
 */
export function withServerNow(
  state: TrustedTime,
  serverNow: number,
  reading: Reading,
  buildDate: number,
): TrustedTime | undefined {
  if (!isTime(serverNow) || serverNow < buildDate) return undefined;
  return { ...state, requestDelta: Math.round(serverNow - reading.wall) };
}

/** `created` of a signed request: seconds since the Unix epoch by the server's clock, as far as known. */
export function createdAt(state: TrustedTime, wall: number): number {
  return Math.floor((wall + state.requestDelta) / 1000);
}

/** What outlives the process: all but the monotonic clock. */
export interface PersistedTime {
  readonly v: 1;
  readonly highWater: number;
  readonly server?: ServerWord;
  readonly failedAt?: number;
  readonly requestDelta: number;
}

/** What a Date can hold. */
const LATEST = 8.64e15;

function isTime(value: unknown): value is number {
  return isWhole(value, 0) && value <= LATEST;
}

function isDelta(value: unknown): value is number {
  return isWhole(value, -LATEST) && value <= LATEST;
}

const SERVER: MemberTests<ServerWord> = { said: isTime, proven: isTime, ahead: isDelta };

const PERSISTED: MemberTests<PersistedTime> = {
  v: (value) => value === 1,
  highWater: isTime,
  server: (value) => value === undefined || (hasMembers(value, SERVER) && value.said <= value.proven),
  failedAt: (value) => value === undefined || isTime(value),
  requestDelta: isDelta,
};

/** A plain object for JSON. */
export function toPersisted(state: TrustedTime, reading: Reading): PersistedTime {
  const { highWater, server, failedAt, requestDelta } = observe(state, reading);
  return {
    v: 1,
    highWater: Math.floor(highWater),
    ...(server !== undefined && {
      server: { said: server.said, proven: Math.floor(server.proven), ahead: Math.round(server.ahead) },
    }),
    ...(failedAt !== undefined && { failedAt }),
    requestDelta,
  };
}

/**
 * Takes time up again in a new process; the wall clock alone says how long there was none. Undefined when the value is damaged; then
 * `startTime` is the best there is.
 */
export function fromPersisted(value: unknown, reading: Reading, earliest: number): TrustedTime | undefined {
  if (!hasMembers<PersistedTime>(value, PERSISTED)) return undefined;
  const { server, failedAt, requestDelta } = value;
  if (server !== undefined && server.proven > value.highWater) return undefined;
  const highWater = Math.max(value.highWater, earliest);
  return observe({ monotonicAt: reading.monotonic, highWater, server, failedAt, requestDelta }, reading);
}
