// SPDX-License-Identifier: Apache-2.0
// Freshness by trusted time, through whatever can happen to the clocks of a machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { type Freshness, freshnessOf } from './freshness.ts';
import {
  fromPersisted,
  heard,
  missed,
  observe,
  readClock,
  startTime,
  type TrustedTime,
  toPersisted,
  trustedNow,
} from './trusted-time.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const GRACE = 14 * DAY;
const BUILD = Date.UTC(2026, 0, 1);
const T0 = Date.UTC(2030, 0, 1);
const EXPIRES = T0 + DAY;
const END = EXPIRES + GRACE;

test('without a document there is no freshness', () => {
  assert.deepEqual(freshnessOf({ trustedNow: T0, expires: undefined, graceMs: GRACE, failedAt: T0 }), {
    state: 'none',
  });
});

test('each state begins at its own millisecond and says since when and until when', () => {
  const at = (now: number, failedAt?: number): Freshness =>
    freshnessOf({ trustedNow: now, expires: EXPIRES, graceMs: GRACE, failedAt });
  assert.deepEqual(at(EXPIRES - 1), { state: 'fresh', until: EXPIRES });
  assert.deepEqual(at(EXPIRES), { state: 'stale', since: EXPIRES, until: END });
  assert.deepEqual(at(END - 1, END - 1), { state: 'stale', since: EXPIRES, until: END });
  assert.deepEqual(at(END, END), { state: 'expired', since: END });
  assert.deepEqual(at(END, END - 1), { state: 'stale', since: EXPIRES, until: undefined });
  assert.deepEqual(at(END + YEAR), { state: 'stale', since: EXPIRES, until: undefined });
  assert.deepEqual(at(END + YEAR, END), { state: 'expired', since: END });
});

/** A machine, its server and the real time. */
class Machine {
  clock = new FakeClock(T0);
  real = T0;
  expires = EXPIRES;
  state: TrustedTime;

  constructor() {
    this.state = startTime(readClock(this.clock), BUILD);
    this.answers();
  }

  #look(): void {
    this.state = observe(this.state, readClock(this.clock));
  }

  /** At work, looking at the clocks each hour or oftener. */
  awake(ms: number): void {
    for (let left = ms; left > 0; left -= HOUR) {
      const part = Math.min(left, HOUR);
      this.clock.advance(part);
      this.real += part;
      this.#look();
    }
  }

  /** macOS: the monotonic clock counts sleep. */
  sleepCounted(ms: number): void {
    this.clock.advance(ms);
    this.real += ms;
    this.#look();
  }

  /** Linux: it does not. */
  sleepUncounted(ms: number): void {
    this.clock.jumpWall(ms);
    this.real += ms;
    this.#look();
  }

  /** A virtual machine is frozen: neither clock knows. */
  frozen(ms: number): void {
    this.real += ms;
    this.#look();
  }

  jump(ms: number): void {
    this.clock.jumpWall(ms);
    this.#look();
  }

  /** A new process, after a time without power. */
  restart(off = 0): void {
    const stored: unknown = JSON.parse(JSON.stringify(toPersisted(this.state, readClock(this.clock))));
    this.clock = new FakeClock(this.clock.now() + off);
    this.real += off;
    const state = fromPersisted(stored, readClock(this.clock), BUILD);
    assert.ok(state !== undefined, 'what was stored can be read');
    this.state = state;
  }

  fails(): void {
    this.state = missed(this.state, readClock(this.clock));
  }

  /** With a document that was signed just now. */
  answers(): void {
    this.expires = this.real + DAY;
    this.#hear(this.real);
  }

  /** With the document of T0, or 304. */
  repeats(): void {
    this.#hear(T0);
  }

  #hear(issued: number): void {
    const state = heard(this.state, { issued, expires: issued + DAY }, readClock(this.clock), BUILD);
    assert.ok(state !== undefined, 'not refused');
    this.state = state;
  }

  get now(): number {
    return trustedNow(this.state, readClock(this.clock));
  }

  get freshness(): string {
    const { failedAt } = this.state;
    return freshnessOf({ trustedNow: this.now, expires: this.expires, graceMs: GRACE, failedAt }).state;
  }
}

interface Step {
  readonly what: string;
  readonly then: string;
  /** Trusted time minus real time, milliseconds. 0 unless said. */
  readonly off?: number;
  readonly act: (machine: Machine) => void;
}

const step = (what: string, then: string, act: (machine: Machine) => void, off = 0): Step => ({ what, then, act, off });
const fails = (then: string, off = 0): Step => step('an attempt fails', then, (machine) => machine.fails(), off);
const answers = step('the server answers', 'fresh', (machine) => machine.answers());

const TABLE: Readonly<Record<string, readonly Step[]>> = {
  'the server is gone for 30 days': [
    step('23 h', 'fresh', (machine) => machine.awake(23 * HOUR)),
    fails('fresh'),
    step('1 h more', 'stale', (machine) => machine.awake(HOUR)),
    fails('stale'),
    step('to the last millisecond of grace', 'stale', (machine) => machine.awake(GRACE - 1)),
    fails('stale'),
    step('that millisecond', 'stale', (machine) => machine.awake(1)),
    fails('expired'),
    step('15 days more', 'expired', (machine) => machine.awake(15 * DAY)),
    fails('expired'),
    answers,
  ],
  'the clock leaps a year ahead and no attempt is made': [
    step('leap', 'stale', (machine) => machine.jump(YEAR), YEAR),
    step('10 h', 'stale', (machine) => machine.awake(10 * HOUR), YEAR),
    answers,
    step('23 h', 'fresh', (machine) => machine.awake(23 * HOUR)),
  ],
  'the clock leaps a year ahead, after attempts that failed': [
    fails('fresh'),
    step('leap', 'stale', (machine) => machine.jump(YEAR), YEAR),
    fails('expired', YEAR),
    step('2 h', 'expired', (machine) => machine.awake(2 * HOUR), YEAR),
    answers,
    // Set right again.
    step('leap back', 'fresh', (machine) => machine.jump(-YEAR)),
    step('24 h', 'stale', (machine) => machine.awake(DAY)),
    fails('stale'),
  ],
  'the clock leaps a year ahead while the server has nothing newer': [
    step('leap', 'stale', (machine) => machine.jump(YEAR), YEAR),
    step('304', 'stale', (machine) => machine.repeats(), YEAR),
    step('1 h', 'stale', (machine) => machine.awake(HOUR), YEAR),
    answers,
  ],
  'the clock is set a year back': [
    step('leap', 'fresh', (machine) => machine.jump(-YEAR)),
    step('24 h', 'stale', (machine) => machine.awake(DAY)),
    step('to the last millisecond of grace', 'stale', (machine) => machine.awake(GRACE - 1)),
    fails('stale'),
    step('that millisecond', 'stale', (machine) => machine.awake(1)),
    fails('expired'),
    step('another leap', 'expired', (machine) => machine.jump(-YEAR)),
    answers,
  ],
  'the clock is set back over each sleep': [
    step('3 days of sleep', 'stale', (machine) => machine.sleepUncounted(3 * DAY)),
    step('back', 'stale', (machine) => machine.jump(-3 * DAY)),
    step('11 days of sleep', 'stale', (machine) => machine.sleepCounted(11 * DAY)),
    step('back', 'stale', (machine) => machine.jump(-11 * DAY)),
    step('1 day', 'stale', (machine) => machine.awake(DAY)),
    fails('expired'),
  ],
  'an hour to and fro, as with a clock in local time': [
    step('ahead', 'fresh', (machine) => machine.jump(HOUR), HOUR),
    step('back', 'fresh', (machine) => machine.jump(-HOUR), HOUR),
    step('ahead', 'fresh', (machine) => machine.jump(HOUR), HOUR),
    step('back', 'fresh', (machine) => machine.jump(-HOUR), HOUR),
    step('back', 'fresh', (machine) => machine.jump(-HOUR), HOUR),
    step('22 h', 'fresh', (machine) => machine.awake(22 * HOUR), HOUR),
    step('1 h', 'stale', (machine) => machine.awake(HOUR), HOUR),
    answers,
  ],
  'sleep of 3 days that the monotonic clock counts': [
    step('sleep', 'stale', (machine) => machine.sleepCounted(3 * DAY)),
    fails('stale'),
    step('12 days of sleep', 'stale', (machine) => machine.sleepCounted(12 * DAY)),
    fails('expired'),
    answers,
  ],
  'sleep of 3 days that it does not count': [
    step('sleep', 'stale', (machine) => machine.sleepUncounted(3 * DAY)),
    fails('stale'),
    step('12 days of sleep', 'stale', (machine) => machine.sleepUncounted(12 * DAY)),
    fails('expired'),
    answers,
  ],
  'the time service corrects by an hour ahead': [
    step('12 h', 'fresh', (machine) => machine.awake(12 * HOUR)),
    step('step', 'fresh', (machine) => machine.jump(HOUR), HOUR),
    step('10 h', 'fresh', (machine) => machine.awake(10 * HOUR), HOUR),
    answers,
    step('23 h', 'fresh', (machine) => machine.awake(23 * HOUR)),
  ],
  'the time service corrects by an hour back': [
    step('12 h', 'fresh', (machine) => machine.awake(12 * HOUR)),
    step('step', 'fresh', (machine) => machine.jump(-HOUR)),
    step('12 h', 'stale', (machine) => machine.awake(12 * HOUR)),
    answers,
  ],
  'a virtual machine is resumed after 20 days': [
    step('resume', 'fresh', (machine) => machine.frozen(20 * DAY), -20 * DAY),
    step('its clock is set', 'stale', (machine) => machine.jump(20 * DAY)),
    fails('expired'),
    answers,
  ],
  'a virtual machine is resumed and the server answers before its clock is set': [
    step('resume', 'fresh', (machine) => machine.frozen(20 * DAY), -20 * DAY),
    answers,
    step('its clock is set', 'stale', (machine) => machine.jump(20 * DAY), 20 * DAY),
    step('1 h', 'stale', (machine) => machine.awake(HOUR), 20 * DAY),
    answers,
  ],
  'no power for 30 days': [step('off', 'stale', (machine) => machine.restart(30 * DAY)), fails('expired'), answers],
  'no power for 30 days, and somebody replays the old document': [
    step('off', 'stale', (machine) => machine.restart(30 * DAY)),
    step('replay', 'stale', (machine) => machine.repeats()),
    step('24 h', 'stale', (machine) => machine.awake(DAY)),
    step('replay', 'expired', (machine) => machine.repeats()),
    answers,
  ],
};

for (const [name, steps] of Object.entries(TABLE)) {
  for (const restarts of [false, true]) {
    test(`${name}${restarts ? ', with a restart after each step' : ''}`, () => {
      const machine = new Machine();
      for (const [index, { what, act, then, off = 0 }] of steps.entries()) {
        act(machine);
        if (restarts) machine.restart();
        assert.deepEqual(
          [machine.freshness, machine.now - machine.real],
          [then, off],
          `step ${index + 1}: ${what} (freshness, hours off: ${(machine.now - machine.real) / HOUR})`,
        );
      }
    });
  }
}
