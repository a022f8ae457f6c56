// SPDX-License-Identifier: Apache-2.0
// Digests as files, a folder per organisation. Never writes over one. Knows nothing of what they hold.

import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { PutDigest } from './digest.ts';

/** Of `digestName`. */
const NAME = /^-?\d{4,6}-\d\d-\d\dT\d\d\.json$/;

/** Puts digests into `folder`/ORG. What it has put there is on the disk. */
export function digestFolder(ctx: Pick<Context, 'random'>, folder: string): PutDigest {
  return async (org, name, bytes) => {
    const home = join(folder, org);
    await mkdir(home, { recursive: true, mode: 0o700 });
    const path = join(home, name);
    const draft = join(home, `.${ctx.random(8).toString('hex')}`);
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      // Unlike a rename, a link fails where there is one already.
      await link(draft, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      if (!(await readFile(path)).equals(bytes)) throw new Error(`another digest lies at ${name}`);
    } finally {
      await rm(draft, { force: true });
    }
    await syncFolder(home);
  };
}

/** Names and bytes of an organisation's digests, oldest first. */
export async function* readDigests(
  folder: string,
  org: string,
): AsyncGenerator<{ readonly name: string; readonly bytes: Buffer }, void, undefined> {
  const home = join(folder, org);
  let names: readonly string[];
  try {
    names = await readdir(home);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  for (const name of names.filter((one) => NAME.test(one)).sort()) {
    yield { name, bytes: await readFile(join(home, name)) };
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
}
