// SPDX-License-Identifier: Apache-2.0
// Cohere's and Ollama's SDKs while their servers fail.

import assert from 'node:assert/strict';
import { playAll } from './clients/failover-suite.ts';

playAll(
  [
    { from: 'cohere', to: 'anthropic' },
    { from: 'ollama', to: 'openai' },
  ],
  ({ primary, fallback }, turns) => {
    assert.ok(primary >= 1, 'the primary comes first');
    assert.ok(fallback >= turns, 'each turn is answered by the fallback');
  },
);
