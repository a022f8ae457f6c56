// SPDX-License-Identifier: Apache-2.0
// Google's and AWS's SDKs while their clouds fail. AWS's speaks HTTP/2 to the gateway and signs what it sends.

import assert from 'node:assert/strict';
import { playAll } from './clients/failover-suite.ts';

playAll(
  [
    { from: 'gemini', to: 'openai' },
    { from: 'gemini', to: 'anthropic' },
    { from: 'converse', to: 'anthropic' },
    { from: 'converse', to: 'openai' },
  ],
  ({ primary, fallback }, turns) => {
    assert.ok(primary >= 1, 'the primary comes first');
    assert.ok(fallback >= turns, 'each turn is answered by the fallback');
  },
);
