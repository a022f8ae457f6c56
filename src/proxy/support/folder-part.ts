// SPDX-License-Identifier: Apache-2.0
// What lies in the data folder: names, kinds, sizes, modes and times. Opens no file, follows no link, and stops after some hundred entries.

import { lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../../contract/printable.ts';

const MOST_ENTRIES = 500;
/** Folders below the data folder. */
const DEEPEST = 3;
const LONGEST_NAME = 128;

export interface FolderEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly bytes: number;
  /** Octal. */
  readonly mode: string;
  /** Milliseconds since the Unix epoch. */
  readonly changed: number;
}

export interface FolderPart {
  readonly entries: readonly FolderEntry[];
  /** There is more than was looked at. */
  readonly cut: boolean;
}

/** Never throws; what cannot be looked at is left out. */
export function folderPart(root: string): FolderPart {
  const entries: FolderEntry[] = [];
  let cut = false;
  const walk = (folder: string, above: string, depth: number): void => {
    const names = namesIn(folder, MOST_ENTRIES - entries.length + 1);
    for (const name of names) {
      if (entries.length >= MOST_ENTRIES) {
        cut = true;
        return;
      }
      const stats = look(join(folder, name));
      if (stats === undefined) continue;
      const kind = kindOf(stats);
      const path = `${above}${printable(name).slice(0, LONGEST_NAME)}`;
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
      entries.push({ path, kind, bytes: stats.size, mode, changed: Math.round(stats.mtimeMs) });
      if (kind === 'folder' && depth < DEEPEST) walk(join(folder, name), `${path}/`, depth + 1);
    }
  };
  walk(root, '', 0);
  return { entries, cut };
}

/** Sorted, of a folder of any size the first that the system gives. */
function namesIn(folder: string, most: number): readonly string[] {
  const names: string[] = [];
  try {
    const dir = opendirSync(folder);
    try {
      while (names.length < most) {
        const entry = dir.readSync();
        if (entry === null) break;
        names.push(entry.name);
      }
    } finally {
      dir.closeSync();
    }
  } catch {
    // Gone, or closed to us: its own entry says so.
  }
  return names.sort();
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function kindOf(stats: Stats): FolderEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
