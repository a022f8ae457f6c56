// SPDX-License-Identifier: Apache-2.0
// Takes the place of better-sqlite3/lib/binding.js in the executable, which would look through the folders of an installation.

import { loadNative } from './native.ts';

let addon: unknown;

/** One for each thread, as a required module would be. */
export function getBinding(): unknown {
  addon ??= loadNative('better_sqlite3.node');
  return addon;
}
