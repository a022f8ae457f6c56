// SPDX-License-Identifier: Apache-2.0
// Loads a native module from the executable's own folder, and from nowhere else.

import { besideExecutable } from './embedded.ts';

/** Throws when the file is missing or for another platform. */
export function loadNative(file: string): unknown {
  const loaded = { exports: {} };
  process.dlopen(loaded, besideExecutable(file));
  return loaded.exports;
}
