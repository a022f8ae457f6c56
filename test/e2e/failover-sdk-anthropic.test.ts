// SPDX-License-Identifier: Apache-2.0
// Anthropic's SDK while Anthropic fails: other vendors' dialects, and its own dialect inside two clouds' envelopes.

import assert from 'node:assert/strict';
import { playAll } from './clients/failover-suite.ts';

playAll(
  [
    { from: 'messages', to: 'openai' },
    { from: 'messages', to: 'gemini' },
    { from: 'messages', to: 'invoke' },
    { from: 'messages', to: 'vertex' },
  ],
  ({ primary, fallback }, turns) => {
    assert.ok(primary >= 1, 'the primary comes first');
    assert.ok(fallback >= turns, 'each turn is answered by the fallback');
  },
);
