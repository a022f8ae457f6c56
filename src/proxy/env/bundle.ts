// SPDX-License-Identifier: Apache-2.0
// Writes the certificate bundle for tools that take one list instead of adding to theirs: the system's roots and ours.

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fingerprintOf, splitPem } from '../os/trust-store/trust-store.ts';

function unique(pems: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const block of pems.flatMap(splitPem)) {
    try {
      found.set(fingerprintOf(block), block);
    } catch {
      // A store may hold what this Node cannot parse; a tool could not use it either.
    }
  }
  return found;
}

/**
 * Writes the bundle so that a reader sees the old file or the new one, never half of it; mode 0644, because tools of other
 * users may read it and nothing in it is secret. Returns how many certificates it has.
 * @throws Error when there are no roots besides ours: such a file would cut every tool that uses it off from the internet.
 */
export async function writeBundle(
  osRootsPems: readonly string[],
  ourPems: readonly string[],
  path: string,
): Promise<number> {
  const ours = unique(ourPems);
  const roots = [...unique(osRootsPems)].filter(([print]) => !ours.has(print));
  if (ours.size === 0) throw new Error('there is no certificate of our own to put into the bundle');
  if (roots.length === 0) throw new Error('there are no system roots to put into the bundle');
  const blocks = [...roots.map(([, block]) => block), ...ours.values()];
  const draft = join(dirname(path), `.bundle-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      // The process's umask may have taken bits away.
      await file.chmod(0o644);
      await file.writeFile(blocks.map((block) => `${block.trim()}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return blocks.length;
}
