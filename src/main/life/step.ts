// SPDX-License-Identifier: Apache-2.0
// The daemon's life as a pure machine: state and input give state and effects. `start` follows only on a look that found nobody, so
// that there are never two daemons on one data folder. docs: ARCHITECTURE.md, "The daemon's life".

import { assertNever } from '../../contract/assert-never.ts';
import { API_VERSION } from '../../contract/local-api-constants.ts';
import {
  type Around,
  CALM_STREAM_MS,
  type Daemon,
  type Effect,
  type End,
  FIRST_WAIT_MS,
  type HostKind,
  type Input,
  type Life,
  LONGEST_WAIT_MS,
  type Memory,
  MOST_ENDS,
  OWN_PATIENCE_MS,
  PATIENCE_LOOK_MS,
  PATIENCE_MS,
  SLOW_LOOK_MS,
  START_LOOK_MS,
  START_MS,
  type Step,
  WINDOW_MS,
} from './life.ts';

const LOOK: Effect = { do: 'look' };
const wait = (ms: number): Effect => ({ do: 'wait', ms });

/** Where it begins. */
export const BIRTH: Step = {
  life: { phase: 'looking', memory: { host: 'child', ends: [], row: 0, why: undefined, flaps: 0 } },
  effects: [LOOK],
};

const same = (life: Life): Step => ({ life, effects: [] });

function looking(memory: Memory): Step {
  return { life: { phase: 'looking', memory }, effects: [LOOK] };
}

/** It went by itself: whoever keeps it may bring it back. Not looked for at once: one that lives but ends each stream is left in peace. */
function down(memory: Memory, own: boolean, ms: number, { now }: Around): Step {
  return { life: { phase: 'down', memory, own, until: now + ms + patienceOf(own) }, effects: [wait(ms)] };
}

const patienceOf = (own: boolean): number => (own ? OWN_PATIENCE_MS : PATIENCE_MS);

/** An end that nobody asked for. */
function failed({ memory }: Life, end: End, { now, random }: Around): Step {
  // An end of the future: the clock is not what it was. Better a start too many than none.
  const ends = [...memory.ends.filter((at) => at <= now && now - at < WINDOW_MS), now];
  const row = ends.length === 1 ? 1 : memory.row + 1;
  const next: Memory = { ...memory, ends, row, why: end };
  if (ends.length >= MOST_ENDS) return { life: { phase: 'gave-up', memory: next }, effects: [wait(SLOW_LOOK_MS)] };
  // ± 20 %: after an update of all machines not all of them start at the same moment.
  const ms = Math.round(Math.min(FIRST_WAIT_MS * 2 ** (row - 1), LONGEST_WAIT_MS) * (0.8 + 0.4 * random()));
  return { life: { phase: 'waiting', memory: next, until: now + ms }, effects: [wait(ms)] };
}

function withFirst(effect: Effect, { life, effects }: Step): Step {
  return { life, effects: [effect, ...effects] };
}

/** Nobody answers. */
function found(life: Life, host: HostKind, around: Around): Step {
  const memory: Memory = { ...life.memory, host };
  const { now } = around;
  switch (life.phase) {
    case 'looking':
      return {
        life: { phase: 'starting', memory, until: now + START_MS },
        effects: [{ do: 'start', host }, wait(START_LOOK_MS)],
      };
    case 'starting':
      if (now < life.until) return { life: { ...life, memory }, effects: [wait(START_LOOK_MS)] };
      return withFirst({ do: 'stop-child' }, failed({ ...life, memory }, { kind: 'silent' }, around));
    case 'down':
      if (now < life.until)
        return {
          life: { ...life, memory: { ...memory, why: memory.why ?? { kind: 'silent' } } },
          effects: [wait(PATIENCE_LOOK_MS)],
        };
      return withFirst({ do: 'stop-child' }, failed({ ...life, memory }, { kind: 'silent' }, around));
    case 'running':
      // Its stream is open, or just being opened: that one is the measure, and tells its end itself.
      return { life: { ...life, memory }, effects: [] };
    case 'incompatible':
      // Perhaps in the middle of an update.
      return down(memory, life.daemon.own, PATIENCE_LOOK_MS, around);
    case 'gave-up':
      return { life: { ...life, memory }, effects: [wait(SLOW_LOOK_MS)] };
    case 'waiting':
    case 'quit':
      return same(life);
    default:
      return assertNever(life);
  }
}

function answered(life: Life, host: HostKind, daemon: Daemon): Step {
  if (life.phase === 'quit') return same(life);
  const follows = life.phase === 'running';
  const memory: Memory = { ...life.memory, host, why: undefined };
  if (daemon.api !== API_VERSION)
    return {
      life: { phase: 'incompatible', memory, daemon },
      effects: [...(follows ? [{ do: 'unfollow' } as const] : []), wait(SLOW_LOOK_MS)],
    };
  const keeper = daemon.own ? 'child' : host === 'service' ? 'service' : 'other';
  const next: Life = { phase: 'running', memory, daemon, keeper };
  if (!follows) return { life: next, effects: [{ do: 'follow' }] };
  // The same one is followed already; another took its place while nobody looked.
  if (life.daemon.pid === daemon.pid && life.daemon.version === daemon.version) return same(next);
  return { life: next, effects: [{ do: 'unfollow' }, { do: 'follow' }] };
}

function gone(life: Life, lasted: number, around: Around): Step {
  if (life.phase !== 'running') return same(life);
  const flaps = lasted >= CALM_STREAM_MS ? 0 : life.memory.flaps + 1;
  const ms = Math.min(PATIENCE_LOOK_MS * 2 ** Math.max(0, flaps - 1), SLOW_LOOK_MS);
  return withFirst({ do: 'unfollow' }, down({ ...life.memory, flaps }, life.keeper === 'child', ms, around));
}

function ended(life: Life, end: End, around: Around): Step {
  switch (life.phase) {
    case 'looking':
    case 'starting':
    case 'down':
    case 'incompatible':
      return failed(life, end, around);
    case 'running':
      // A start that failed although one answers: the daemon of somebody else.
      if (life.keeper !== 'child') return same(life);
      return withFirst({ do: 'unfollow' }, failed(life, end, around));
    case 'waiting':
    case 'gave-up':
    case 'quit':
      return same(life);
    default:
      return assertNever(life);
  }
}

function timer(life: Life): Step {
  switch (life.phase) {
    case 'waiting':
      return looking(life.memory);
    case 'starting':
    case 'down':
    case 'gave-up':
    case 'incompatible':
      return { life, effects: [LOOK] };
    case 'looking':
    case 'running':
    case 'quit':
      return same(life);
    default:
      return assertNever(life);
  }
}

/** The person wants it now: what was before does not count. */
function pressedStart(life: Life): Step {
  switch (life.phase) {
    case 'down':
    case 'waiting':
    case 'gave-up':
      return looking({ ...life.memory, ends: [], row: 0, flaps: 0 });
    case 'incompatible':
      return { life, effects: [LOOK] };
    case 'looking':
    case 'starting':
    case 'running':
    case 'quit':
      return same(life);
    default:
      return assertNever(life);
  }
}

/** Times that ran while the machine slept say nothing: they begin anew, and everything is looked at. */
function woke(life: Life, { now }: Around): Step {
  switch (life.phase) {
    case 'waiting':
    // One more start: the ends of the last minutes still count.
    case 'gave-up':
      return looking(life.memory);
    case 'starting':
      return { life: { ...life, until: now + START_MS }, effects: [LOOK] };
    case 'down':
      return { life: { ...life, until: now + patienceOf(life.own) }, effects: [LOOK] };
    case 'looking':
    case 'running':
    case 'incompatible':
      return { life, effects: [LOOK] };
    case 'quit':
      return same(life);
    default:
      return assertNever(life);
  }
}

/** One step. A life that stays as it is comes back as the same value. */
export function step(life: Life, input: Input, around: Around): Step {
  switch (input.kind) {
    case 'found':
      return found(life, input.host, around);
    case 'answered':
      return answered(life, input.host, input.daemon);
    case 'gone':
      return gone(life, input.lasted, around);
    case 'ended':
      return ended(life, input.end, around);
    case 'timer':
      return timer(life);
    case 'pressed-start':
      return pressedStart(life);
    case 'woke':
      return woke(life, around);
    case 'quitting':
      if (life.phase === 'quit') return same(life);
      return {
        life: { phase: 'quit', memory: life.memory },
        effects: [{ do: 'unfollow' }, { do: 'stop-child' }],
      };
    default:
      return assertNever(input);
  }
}
