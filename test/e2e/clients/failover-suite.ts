// SPDX-License-Identifier: Apache-2.0
// Every scene of some pairs as a test of its own, on one stage. Knows no pair.

import { after, before, describe, test } from 'node:test';
import { type Pair, scenesOf } from './failover-scenes.ts';
import { openStage, type Stage } from './failover-stage.ts';

type Calls = Awaited<ReturnType<Stage['play']>>;

/** @param judge what primary and fallback were asked, and in how many turns the app talked at least */
export function playAll(pairs: readonly Pair[], judge: (calls: Calls, turns: number) => void): void {
  let stage: Stage;
  before(async () => {
    stage = await openStage(pairs);
  });
  after(() => stage?.close());

  for (const [turn, pair] of pairs.entries()) {
    describe(`${pair.from} to ${pair.to}`, () => {
      for (const { scene, fault } of scenesOf(pair, turn)) {
        test(`${scene.name} while ${fault}`, async () => {
          judge(await stage.play(pair, scene, fault), scene.loop === undefined ? 1 : 2);
        });
      }
    });
  }
}
