// SPDX-License-Identifier: Apache-2.0
// The arguments that the verbs of `policy` have in common. Pure.

import { wholeNumber } from '../verb.ts';

export const FILE = { args: 'FILE', count: [1, 1] } as const;
export const VERSION = { args: 'VERSION', count: [1, 1] } as const;

const MOST = 1_000_000_000;

export function versionIn([text = '']: readonly string[]): number {
  return wholeNumber(text, 'VERSION', { least: 1, most: MOST });
}
