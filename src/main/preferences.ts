// SPDX-License-Identifier: Apache-2.0
// The person's choices on disk: read as hostile, written whole, for its owner only. And the language that they lead to.

import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_PREFERENCES, type Preferences, preferences, type Surroundings } from '../contract/tray.ts';
import { languageOf } from '../strings/catalogue.ts';

export const PREFERENCES_FILE = 'preferences.json';
/** Beside it: what could not be read, for whoever wants to know why. */
export const DAMAGED_FILE = 'preferences.damaged.json';

/** It has about 100. */
const MOST_BYTES = 16_384;

/** Has anything been chosen, or kept at the first start? */
export function arePreferencesKept(folder: string): boolean {
  return lstatSync(join(folder, PREFERENCES_FILE), { throwIfNoEntry: false }) !== undefined;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** What is not there, damaged, or not a plain file counts as the defaults; a damaged one is kept aside. */
export function readPreferences(folder: string): Preferences {
  const path = join(folder, PREFERENCES_FILE);
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > MOST_BYTES) throw new Error('not a file of ours');
    return preferences.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') setAside(path, join(folder, DAMAGED_FILE));
    return DEFAULT_PREFERENCES;
  }
}

function setAside(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch {
    // Then it stays, and the next write takes its place.
  }
}

/** @throws what the disk says; the file from before then still stands */
export function writePreferences(folder: string, wanted: Preferences): void {
  const path = join(folder, PREFERENCES_FILE);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const half = `${path}.new`;
  try {
    rmSync(half, { force: true });
    // `wx`: whatever somebody lays there meanwhile is not followed.
    writeFileSync(half, `${JSON.stringify(preferences.parse(wanted))}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(half, 0o600);
    renameSync(half, path);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
}

/** @param locales the system's, BCP 47, best first */
export function surroundingsOf(chosen: Preferences, locales: readonly string[]): Surroundings {
  return { language: chosen.language === 'system' ? languageOf(locales) : chosen.language, preferences: chosen };
}
