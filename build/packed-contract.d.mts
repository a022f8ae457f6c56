// SPDX-License-Identifier: Apache-2.0
// Types of packed-contract.mjs, for the tests.

import type { Plugin } from 'esbuild';

export const packedContract: Plugin;
