// SPDX-License-Identifier: Apache-2.0
// Writes the certificate bundle for tools that take one list instead of adding to theirs: the system's roots and ours.

import { randomBytes, X509Certificate } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { splitPem } from '../../contract/pem.ts';

function parses(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** By content. A store may hold what this Node cannot parse: that is left out, a tool could not use it either. */
function unique(pems: readonly string[], isReadable: (pem: string) => boolean): ReadonlyMap<string, string> {
  const blocks = pems.flatMap(splitPem).filter(isReadable);
  return new Map(blocks.map((block) => [block.replaceAll(/\s/g, ''), block]));
}

/**
 * Writes the bundle so that a reader sees the old file or the new one, never half of it; mode 0644, because tools of other
 * users may read it and nothing in it is secret. Returns how many certificates it has.
 * @param isReadable for a caller that has parsed the system's roots anyway: parsing them twice costs 2 MB (measured).
 * @throws Error when there are no roots besides ours: such a file would cut every tool that uses it off from the internet.
 */
export async function writeBundle(
  osRootsPems: readonly string[],
  ourPems: readonly string[],
  path: string,
  isReadable: (pem: string) => boolean = parses,
): Promise<number> {
  const ours = unique(ourPems, parses);
  const roots = [...unique(osRootsPems, isReadable)].filter(([content]) => !ours.has(content));
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
