// SPDX-License-Identifier: Apache-2.0
// The built status page in memory. Requests are looked up by exact name, so no path of a request ever touches the disk.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

export interface PageFiles {
  /** The page itself; undefined: it has not been built. */
  index(): PageFile | undefined;
  /** A script, style or picture by its file name. */
  asset(name: string): PageFile | undefined;
}

/** Only these are served; source maps and anything else that lies in the folder are not. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page has 4 files of under 200 KB; these are far above it. */
const MOST_FILES = 64;
const LARGEST_FILE = 4 * 2 ** 20;

function readAll(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const entry of readdirSync(folder, { withFileTypes: true }).slice(0, MOST_FILES)) {
    const type = TYPES[extname(entry.name)];
    const path = join(folder, entry.name);
    if (type === undefined || !entry.isFile() || statSync(path).size > LARGEST_FILE) continue;
    files.set(entry.name, { type, body: readFileSync(path) });
  }
  return files;
}

/**
 * Files of `folder` (build/page.mjs writes it). They are read again when index.html has changed, so that a page that is built
 * after the daemon's start, or by its `--watch`, appears on reload.
 */
export function createPageFiles(folder: string): PageFiles {
  let files: ReadonlyMap<string, PageFile> = new Map();
  let version: number | undefined;

  const current = (): ReadonlyMap<string, PageFile> => {
    try {
      const changed = statSync(join(folder, 'index.html')).mtimeMs;
      if (changed !== version) files = readAll(folder);
      version = changed;
    } catch {
      // Not built, or being built at this moment: what was read last still serves.
    }
    return files;
  };

  return {
    index: () => current().get('index.html'),
    asset: (name) => (name === 'index.html' ? undefined : current().get(name)),
  };
}
