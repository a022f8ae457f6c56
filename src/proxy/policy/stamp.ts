// SPDX-License-Identifier: Apache-2.0
// Whether files may have changed, without reading them. Knows nothing of what stands in them.

import { stat } from 'node:fs/promises';

/** Times of modification, size and inode of each file, as one comparable text; a missing file is '-'. Never rejects. */
export async function stampOf(files: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    files.map(async (file) => {
      try {
        const { mtimeMs, ctimeMs, size, ino } = await stat(file);
        return `${mtimeMs}/${ctimeMs}/${size}/${ino}`;
      } catch {
        return '-';
      }
    }),
  );
  return parts.join(' ');
}
