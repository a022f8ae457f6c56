// SPDX-License-Identifier: Apache-2.0
// The openai SDK while OpenAI fails: its own parsers judge what other vendors' answers became, and the fallback says what it was asked.

import assert from 'node:assert/strict';
import { playAll } from './clients/failover-suite.ts';

playAll(
  [
    { from: 'chat', to: 'anthropic' },
    { from: 'chat', to: 'gemini' },
    { from: 'chat', to: 'converse' },
    { from: 'chat', to: 'azure' },
    { from: 'responses', to: 'anthropic' },
  ],
  ({ primary, fallback }, turns) => {
    assert.ok(primary >= 1, 'the primary comes first');
    assert.ok(fallback >= turns, 'each turn is answered by the fallback');
  },
);
