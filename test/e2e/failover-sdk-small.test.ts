// SPDX-License-Identifier: Apache-2.0
// Cohere's and Ollama's SDKs while their servers fail.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Pair, scenesOf } from './clients/failover-scenes.ts';
import { openStage, type Stage } from './clients/failover-stage.ts';

const PAIRS: readonly Pair[] = [
  { from: 'cohere', to: 'anthropic' },
  { from: 'ollama', to: 'openai' },
];
let stage: Stage;

before(async () => {
  stage = await openStage(PAIRS);
});
after(() => stage?.close());

for (const [turn, pair] of PAIRS.entries()) {
  describe(`${pair.from} to ${pair.to}`, () => {
    for (const { scene, fault } of scenesOf(pair, turn)) {
      test(`${scene.name} while ${fault}`, async () => {
        const calls = await stage.play(pair, scene, fault);
        assert.ok(calls.primary >= 1, 'the primary comes first');
        assert.ok(calls.fallback >= (scene.loop === undefined ? 1 : 2), 'each turn is answered by the fallback');
      });
    }
  });
}
