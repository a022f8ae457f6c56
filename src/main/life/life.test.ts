// SPDX-License-Identifier: Apache-2.0
// The daemon's life: what each state makes of each input, and what holds on every way through it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import { API_VERSION } from '../../contract/local-api-constants.ts';
import {
  type Daemon,
  type Effect,
  type End,
  type Input,
  type Life,
  LONGEST_WAIT_MS,
  MOST_ENDS,
  PATIENCE_MS,
  type Phase,
  START_MS,
  WINDOW_MS,
} from './life.ts';
import { BIRTH, step } from './step.ts';
import { olderOf } from './versions.ts';

const DAEMON: Daemon = { version: '1.0.0', api: API_VERSION, pid: 7, own: false };
const CRASH: End = { kind: 'signal', signal: 'SIGSEGV' };
const around = (now: number, random = 0.5) => ({ now, random: () => random });
const memory = { host: 'service', ends: [], row: 0, why: undefined } as const;

const LIVES: Readonly<Record<Phase, Life>> = {
  looking: { phase: 'looking', memory },
  starting: { phase: 'starting', memory, until: START_MS },
  running: { phase: 'running', memory, daemon: DAEMON, keeper: 'service' },
  down: { phase: 'down', memory, until: PATIENCE_MS },
  waiting: { phase: 'waiting', memory, until: 1_000 },
  'gave-up': { phase: 'gave-up', memory },
  incompatible: { phase: 'incompatible', memory, daemon: { ...DAEMON, api: 99 } },
  quit: { phase: 'quit', memory },
};

const INPUTS: Readonly<Record<string, Input>> = {
  'found service': { kind: 'found', host: 'service' },
  'found nothing': { kind: 'found', host: 'child' },
  answered: { kind: 'answered', host: 'service', daemon: DAEMON },
  'answered by the child': { kind: 'answered', host: 'child', daemon: { ...DAEMON, pid: 9, own: true } },
  'answered otherwise': { kind: 'answered', host: 'service', daemon: { ...DAEMON, api: 99 } },
  gone: { kind: 'gone' },
  ended: { kind: 'ended', end: CRASH },
  timer: { kind: 'timer' },
  'pressed start': { kind: 'pressed-start' },
  woke: { kind: 'woke' },
  quitting: { kind: 'quitting' },
};

const shown = (effects: readonly Effect[]): string =>
  effects
    .map((effect) =>
      effect.do === 'wait' ? `wait ${effect.ms}` : effect.do === 'start' ? `start ${effect.host}` : effect.do,
    )
    .join(', ');

/** Where each input leads at time 0, and what it does; '' is nothing, the same state. */
const TABLE: Readonly<Record<Phase, Readonly<Record<string, string>>>> = {
  looking: {
    'found service': 'starting: start service, wait 500',
    'found nothing': 'starting: start child, wait 500',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: 'waiting: wait 1000',
    timer: '',
    'pressed start': '',
    woke: 'looking: look',
    quitting: 'quit: unfollow, stop-child',
  },
  starting: {
    'found service': 'starting: wait 500',
    'found nothing': 'starting: wait 500',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: 'waiting: wait 1000',
    timer: 'starting: look',
    'pressed start': '',
    woke: 'starting: look',
    quitting: 'quit: unfollow, stop-child',
  },
  running: {
    'found service': 'down: unfollow, wait 1000',
    'found nothing': 'down: unfollow, wait 1000',
    answered: 'running: ',
    'answered by the child': 'running: unfollow, follow',
    'answered otherwise': 'incompatible: unfollow, wait 30000',
    gone: 'down: unfollow, wait 1000',
    ended: '',
    timer: '',
    'pressed start': '',
    woke: 'running: look',
    quitting: 'quit: unfollow, stop-child',
  },
  down: {
    'found service': 'down: wait 1000',
    'found nothing': 'down: wait 1000',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: 'waiting: wait 1000',
    timer: 'down: look',
    'pressed start': 'looking: look',
    woke: 'down: look',
    quitting: 'quit: unfollow, stop-child',
  },
  waiting: {
    'found service': '',
    'found nothing': '',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: '',
    timer: 'looking: look',
    'pressed start': 'looking: look',
    woke: 'looking: look',
    quitting: 'quit: unfollow, stop-child',
  },
  'gave-up': {
    'found service': 'gave-up: wait 30000',
    'found nothing': 'gave-up: wait 30000',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: '',
    timer: 'gave-up: look',
    'pressed start': 'looking: look',
    woke: 'gave-up: look',
    quitting: 'quit: unfollow, stop-child',
  },
  incompatible: {
    'found service': 'down: wait 1000',
    'found nothing': 'down: wait 1000',
    answered: 'running: follow',
    'answered by the child': 'running: follow',
    'answered otherwise': 'incompatible: wait 30000',
    gone: '',
    ended: 'waiting: wait 1000',
    timer: 'incompatible: look',
    'pressed start': 'incompatible: look',
    woke: 'incompatible: look',
    quitting: 'quit: unfollow, stop-child',
  },
  quit: Object.fromEntries(Object.keys(INPUTS).map((name) => [name, ''])),
};

test('every state has an answer to every input', () => {
  for (const [phase, life] of Object.entries(LIVES) as [Phase, Life][]) {
    const answers = Object.entries(INPUTS).map(([name, input]) => {
      const next = step(life, input, around(0));
      return [
        name,
        next.life === life && next.effects.length === 0 ? '' : `${next.life.phase}: ${shown(next.effects)}`,
      ];
    });
    assert.deepEqual(Object.fromEntries(answers), TABLE[phase], phase);
  }
});

test('a daemon of another product version but the same API is followed', () => {
  const { life } = step(
    LIVES.looking,
    { kind: 'answered', host: 'service', daemon: { ...DAEMON, version: '9.9.9' } },
    around(0),
  );
  assert.equal(life.phase, 'running');
});

test('a daemon that says no version of the API is not followed', () => {
  const { life } = step(
    LIVES.looking,
    { kind: 'answered', host: 'service', daemon: { ...DAEMON, api: undefined } },
    around(0),
  );
  assert.equal(life.phase, 'incompatible');
});

test('who keeps a daemon: the tray its own, the service manager what it installed, else somebody', () => {
  const keeper = (host: 'service' | 'child', own: boolean) => {
    const { life } = step(LIVES.looking, { kind: 'answered', host, daemon: { ...DAEMON, own } }, around(0));
    return life.phase === 'running' ? life.keeper : life.phase;
  };
  assert.deepEqual(
    [keeper('service', false), keeper('service', true), keeper('child', true), keeper('child', false)],
    ['service', 'child', 'child', 'other'],
  );
});

test('the own child that ended is started again, more and more slowly, and given up at the fifth end in ten minutes', () => {
  let life: Life = {
    ...LIVES.running,
    phase: 'running',
    keeper: 'child',
    daemon: { ...DAEMON, own: true },
    memory: { ...memory, host: 'child' },
  };
  const waits: string[] = [];
  for (let turn = 1; turn <= MOST_ENDS; turn++) {
    const failed = step(life, { kind: 'ended', end: CRASH }, around(turn * 30_000));
    waits.push(shown(failed.effects));
    assert.equal(failed.life.phase, turn === MOST_ENDS ? 'gave-up' : 'waiting');
    life = step(failed.life, { kind: 'timer' }, around(turn * 30_000)).life;
    if (turn < MOST_ENDS) assert.equal(life.phase, 'looking', 'it is looked for before it is started');
  }
  assert.deepEqual(waits, ['unfollow, wait 1000', 'wait 2000', 'wait 4000', 'wait 8000', 'wait 30000']);
});

test('ends that lie further apart are waited out up to a minute, and never given up', () => {
  let { life } = BIRTH;
  const waits: number[] = [];
  for (let turn = 0; turn < 12; turn++) {
    const failed = step(
      { phase: 'starting', memory: life.memory, until: 0 },
      { kind: 'ended', end: CRASH },
      around(turn * 160_000),
    );
    waits.push(...failed.effects.flatMap((effect) => (effect.do === 'wait' ? effect.ms : [])));
    life = failed.life;
    assert.equal(life.phase, 'waiting');
  }
  assert.deepEqual(waits.slice(0, 8), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  const calm = step(
    { phase: 'starting', memory: life.memory, until: 0 },
    { kind: 'ended', end: CRASH },
    around(12 * 160_000 + WINDOW_MS),
  );
  assert.equal(shown(calm.effects), 'wait 1000', 'ten calm minutes begin anew');
});

test('the wait is spread by a fifth to both sides', () => {
  const wait = (random: number) => shown(step(LIVES.starting, INPUTS['ended'] as Input, around(0, random)).effects);
  assert.deepEqual([wait(0), wait(0.5), wait(1)], ['wait 800', 'wait 1000', 'wait 1200']);
});

test('a start that does not answer in time is looked for once more, then its child is ended', () => {
  const late = step(LIVES.starting, { kind: 'timer' }, around(START_MS + 1));
  assert.equal(shown(late.effects), 'look');
  const failed = step(late.life, { kind: 'found', host: 'child' }, around(START_MS + 1));
  assert.equal(shown(failed.effects), 'stop-child, wait 1000');
  assert.deepEqual(failed.life.memory.why, { kind: 'silent' });
});

test('a service that went is left to its manager for ten seconds', () => {
  const went = step(LIVES.running, { kind: 'gone' }, around(0)).life;
  const early = step(went, { kind: 'found', host: 'service' }, around(PATIENCE_MS - 1));
  assert.equal(early.life.phase, 'down');
  const back = step(early.life, INPUTS['answered'] as Input, around(PATIENCE_MS - 1));
  assert.deepEqual(
    [back.life.phase, back.life.memory.ends],
    ['running', []],
    'its manager brought it back: nothing was lost',
  );
  assert.equal(step(went, { kind: 'found', host: 'service' }, around(PATIENCE_MS)).life.phase, 'waiting');
});

test('pressing Start forgets what was before', () => {
  const tired: Life = { phase: 'gave-up', memory: { host: 'child', ends: [1, 2, 3, 4, 5], row: 5, why: CRASH } };
  const { life } = step(tired, { kind: 'pressed-start' }, around(10));
  assert.deepEqual([life.phase, life.memory.ends, life.memory.row], ['looking', [], 0]);
});

test('after a sleep a start has its full time again', () => {
  const { life } = step(LIVES.starting, { kind: 'woke' }, around(8 * 3_600_000));
  assert.equal(step(life, { kind: 'found', host: 'child' }, around(8 * 3_600_000 + 100)).life.phase, 'starting');
});

test('a clock that went back neither stops starts nor gives up sooner', () => {
  const life: Life = {
    phase: 'starting',
    memory: { host: 'child', ends: [9e9, 9e9 + 1, 9e9 + 2, 9e9 + 3], row: 4, why: CRASH },
    until: 0,
  };
  assert.equal(step(life, { kind: 'ended', end: CRASH }, around(5)).life.phase, 'waiting');
});

/** Plays the supervisor: effects become inputs by chance. Checks what must hold at every moment. */
function walk(seed: number, steps: number): Map<Phase, number> {
  const random = seeded(seed);
  const below = (count: number) => Math.floor(random() * count);
  const visits = new Map<Phase, number>();
  let now = 0;
  let { life, effects } = BIRTH;
  let looking = false;
  let waits = false;
  let follows = false;
  /** Starts since somebody pressed, by time. */
  let starts: number[] = [];
  for (let turn = 0; turn < steps; turn++) {
    for (const effect of effects) {
      if (effect.do === 'look') looking = true;
      if (effect.do === 'wait') {
        assert.ok(effect.ms > 0 && effect.ms <= LONGEST_WAIT_MS * 1.2);
        waits = true;
      }
      if (effect.do === 'follow') {
        assert.ok(!follows, 'one is followed at a time');
        follows = true;
      }
      if (effect.do === 'unfollow') follows = false;
      if (effect.do === 'start') starts.push(now);
    }
    visits.set(life.phase, (visits.get(life.phase) ?? 0) + 1);
    assert.equal(follows, life.phase === 'running', `followed while ${life.phase}`);
    if (life.phase === 'quit') return visits;
    assert.ok(looking || waits || follows, `nothing happens any more while ${life.phase}`);
    starts = starts.filter((at) => now - at < WINDOW_MS);
    assert.ok(starts.length <= MOST_ENDS + 1, 'starts are limited');

    const host = below(2) === 0 ? 'service' : 'child';
    const daemon: Daemon = {
      version: '1.0.0',
      api: below(8) === 0 ? 2 : API_VERSION,
      pid: below(3) + 1,
      own: below(2) === 0,
    };
    const inputs: Input[] = [
      ...(looking ? [{ kind: 'found', host } as const, { kind: 'found', host } as const] : []),
      ...(looking ? [{ kind: 'answered', host, daemon } as const] : []),
      ...(waits ? [{ kind: 'timer' } as const] : []),
      { kind: 'gone' },
      { kind: 'ended', end: CRASH },
      { kind: 'woke' },
      ...(below(60) === 0 ? [{ kind: 'pressed-start' } as const] : []),
      ...(below(400) === 0 ? [{ kind: 'quitting' } as const] : []),
    ];
    const input = inputs[below(inputs.length)] as Input;
    if (input.kind === 'found' || input.kind === 'answered') looking = false;
    if (input.kind === 'timer') waits = false;
    // An answer is success: what was lost before is told by the ends that follow it, which count anew after a press only.
    if (input.kind === 'pressed-start') starts = [];
    now += below(3) === 0 ? below(20_000) : below(700);
    const before = life;
    ({ life, effects } = step(life, input, around(now, random())));
    if (life !== before) waits = false;
    if (effects.some((effect) => effect.do === 'start')) assert.equal(input.kind, 'found', 'a start without a look');
    // Lives that an answer ended do not count as lost starts.
    if (input.kind === 'answered' && life.phase === 'running') starts = starts.slice(0, -1);
  }
  return visits;
}

test('on every way it goes on by itself, follows one at most, and starts only what nobody else runs', () => {
  const visits = new Map<Phase, number>();
  for (let seed = 1; seed <= 300; seed++)
    for (const [phase, count] of walk(seed, 500)) visits.set(phase, (visits.get(phase) ?? 0) + count);
  for (const phase of Object.keys(LIVES)) assert.ok((visits.get(phase as Phase) ?? 0) > 20, `${phase} was never met`);
});

test('the older side is told by the numbers of both versions', () => {
  assert.equal(olderOf('1.2.3', '1.10.0'), 'tray');
  assert.equal(olderOf('2.0.0', '1.99.99'), 'daemon');
  assert.equal(olderOf('1.0.0', '1.0.0'), 'unknown');
  assert.equal(olderOf('1.0.0-beta', '1.0.0'), 'unknown');
  assert.equal(olderOf('1.0', 'x'.repeat(64)), 'unknown');
});
