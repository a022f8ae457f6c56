// SPDX-License-Identifier: Apache-2.0
// The daemon's life: what each state makes of each input, and what holds on every way through it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API_VERSION } from '../../contract/local-api-constants.ts';
import {
  type Daemon,
  type Effect,
  type End,
  type Input,
  type Life,
  MOST_ENDS,
  OWN_PATIENCE_MS,
  PATIENCE_MS,
  type Phase,
  START_MS,
  WINDOW_MS,
} from './life.ts';
import { BIRTH, step } from './step.ts';

const DAEMON: Daemon = { version: '1.0.0', api: API_VERSION, pid: 7, own: false };
const CRASH: End = { kind: 'signal', signal: 'SIGSEGV' };
const GONE: Input = { kind: 'gone', lasted: 60_000 };
const around = (now: number, random = 0.5) => ({ now, random: () => random });
const memory = { host: 'service', ends: [], row: 0, why: undefined, flaps: 0 } as const;

const LIVES: Readonly<Record<Phase, Life>> = {
  looking: { phase: 'looking', memory },
  starting: { phase: 'starting', memory, until: START_MS },
  running: { phase: 'running', memory, daemon: DAEMON, keeper: 'service' },
  down: { phase: 'down', memory, until: PATIENCE_MS, own: false },
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
  gone: { kind: 'gone', lasted: 60_000 },
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
    'found service': 'running: ',
    'found nothing': 'running: ',
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
    woke: 'looking: look',
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
  const went = step(LIVES.running, GONE, around(0)).life;
  const late = 1_000 + PATIENCE_MS;
  const early = step(went, { kind: 'found', host: 'service' }, around(late - 1));
  assert.equal(early.life.phase, 'down');
  const back = step(early.life, INPUTS['answered'] as Input, around(late - 1));
  assert.deepEqual(
    [back.life.phase, back.life.memory.ends],
    ['running', []],
    'its manager brought it back: nothing was lost',
  );
  assert.equal(step(went, { kind: 'found', host: 'service' }, around(late)).life.phase, 'waiting');
});

test('a look that fails while the stream is open changes nothing', () => {
  const { life, effects } = step(LIVES.running, { kind: 'found', host: 'service' }, around(0));
  assert.deepEqual([life, effects], [LIVES.running, []]);
});

test('an own child that lives is ended only after a minute of silence, and counts as silent from the first vain look', () => {
  const own: Life = { ...LIVES.running, phase: 'running', keeper: 'child', daemon: { ...DAEMON, own: true } };
  let { life } = step(own, GONE, around(0));
  for (let now = 1_000; now < 1_000 + OWN_PATIENCE_MS; now += 6_000) {
    const looked = step(life, { kind: 'found', host: 'child' }, around(now));
    assert.equal(shown(looked.effects), 'wait 1000', `after ${now} ms`);
    assert.deepEqual(looked.life.memory.why, { kind: 'silent' });
    life = looked.life;
  }
  const woken = step(life, { kind: 'woke' }, around(60_000)).life;
  assert.equal(
    step(woken, { kind: 'found', host: 'child' }, around(119_000)).life.phase,
    'down',
    'after a sleep all of it anew',
  );
  const over = step(life, { kind: 'found', host: 'child' }, around(1_000 + OWN_PATIENCE_MS));
  assert.equal(shown(over.effects), 'stop-child, wait 1000');
  assert.equal(
    step(life, { kind: 'ended', end: CRASH }, around(2_000)).life.phase,
    'waiting',
    'its end is told at once',
  );
});

test('streams that hardly live are followed more and more slowly; one that lasted begins anew', () => {
  let life: Life = LIVES.running;
  const waits = [0, 0, 9_000, 0, 0, 0, 0, 60_000, 0, 0].map((lasted) => {
    const went = step(life, { kind: 'gone', lasted }, around(0));
    const silent = step(went.life, { kind: 'found', host: 'service' }, around(PATIENCE_MS));
    assert.equal(silent.life.phase, 'down', 'a longer wait takes nothing from the patience');
    life = step(went.life, INPUTS['answered'] as Input, around(0)).life;
    return Number(/wait (\d+)/.exec(shown(went.effects))?.[1]);
  });
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 1_000, 1_000, 2_000]);
});

test('why it ended is forgotten once it answers again', () => {
  const failed = step(LIVES.starting, { kind: 'ended', end: CRASH }, around(0)).life;
  assert.deepEqual(failed.memory.why, CRASH);
  assert.equal(step(failed, INPUTS['answered'] as Input, around(1_000)).life.memory.why, undefined);
});

test('waking tries once more where it was given up, and does not forget the ends of before', () => {
  const tired: Life = { phase: 'gave-up', memory: { ...memory, ends: [1, 2, 3, 4, 5], row: 5, why: CRASH } };
  const woken = step(tired, { kind: 'woke' }, around(10)).life;
  const again = step(woken, { kind: 'found', host: 'child' }, around(10));
  assert.equal(again.life.phase, 'starting');
  assert.equal(step(again.life, { kind: 'ended', end: CRASH }, around(20)).life.phase, 'gave-up');
});

test('pressing Start forgets what was before', () => {
  const tired: Life = {
    phase: 'gave-up',
    memory: { ...memory, host: 'child', ends: [1, 2, 3, 4, 5], row: 5, why: CRASH },
  };
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
    memory: { ...memory, host: 'child', ends: [9e9, 9e9 + 1, 9e9 + 2, 9e9 + 3], row: 4, why: CRASH },
    until: 0,
  };
  assert.equal(step(life, { kind: 'ended', end: CRASH }, around(5)).life.phase, 'waiting');
});
