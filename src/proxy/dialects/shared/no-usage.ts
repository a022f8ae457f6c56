// SPDX-License-Identifier: Apache-2.0
// Usage of which nothing is known: what readers and decoders begin with.

import type { Usage } from '../dialect.ts';

export const NO_USAGE: Usage = {
  input: undefined,
  output: undefined,
  cacheRead: undefined,
  cacheWrite: undefined,
  reasoning: undefined,
};
