// SPDX-License-Identifier: Apache-2.0
// Where the executable has what the sources read from files: texts inside it, and a few things beside it. `bundle.mjs` writes these
// calls in place of the addresses of files. Knows nothing of what is read.

import { dirname, join } from 'node:path';
import { getAsset } from 'node:sea';

/** A file of text that was put into the executable; nothing is unpacked. */
export function embeddedText(name: string): string {
  return getAsset(name, 'utf8');
}

/** In the executable's own folder, wherever that was moved and whoever started it from where. */
export function besideExecutable(name: string): string {
  return join(dirname(process.execPath), name);
}
