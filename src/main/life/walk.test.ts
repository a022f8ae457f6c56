// SPDX-License-Identifier: Apache-2.0
// The daemon's life on ways drawn by chance: what holds at every moment of each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import { API_VERSION } from '../../contract/local-api-constants.ts';
import { type Daemon, type End, type Input, LONGEST_WAIT_MS, MOST_ENDS, type Phase, WINDOW_MS } from './life.ts';
import { BIRTH, step } from './step.ts';

const CRASH: End = { kind: 'signal', signal: 'SIGSEGV' };
const PHASES: readonly Phase[] = [
  'looking',
  'starting',
  'running',
  'down',
  'waiting',
  'gave-up',
  'incompatible',
  'quit',
];
const around = (now: number, random: number) => ({ now, random: () => random });

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
      { kind: 'gone', lasted: below(20_000) },
      { kind: 'ended', end: CRASH },
      { kind: 'woke' },
      ...(below(60) === 0 ? [{ kind: 'pressed-start' } as const] : []),
      ...(below(400) === 0 ? [{ kind: 'quitting' } as const] : []),
    ];
    const input = inputs[below(inputs.length)] as Input;
    if (input.kind === 'found' || input.kind === 'answered') looking = false;
    if (input.kind === 'timer') waits = false;
    // An answer is success: what was lost before is told by the ends that follow it, which count anew after a press only.
    // Waking gives one more.
    if (input.kind === 'pressed-start' || (input.kind === 'woke' && life.phase === 'gave-up')) starts = [];
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
  for (const phase of PHASES) assert.ok((visits.get(phase) ?? 0) > 20, `${phase} was never met`);
});
