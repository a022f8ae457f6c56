// SPDX-License-Identifier: Apache-2.0
// The managed settings of this machine: where they lie is the platform's file, that nobody but the administrator can have written them is
// made sure of here, and what they say is checked in a thread that ends. Must not know what follows from them.

import { type FileHandle, lstat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { splitPem } from '../../../contract/pem.ts';
import type { ManagedSettings } from '../../../contract/sync/managed.ts';
import { runProgram } from '../run-program.ts';
import { darwinPlace } from './darwin.ts';
import { linuxPlace } from './linux.ts';
import { parseInThread } from './parse-in-thread.ts';
import { openWithoutWaiting, readBounded } from './read-file.ts';
import { win32Place } from './win32.ts';

/** Where a platform's device management puts the settings, and how to tell that it was an administrator. */
export interface ManagedPlace {
  readonly path: string;
  /** What is wrong with the owner or the access rights of an open file; undefined: nothing. */
  ownerProblem(path: string, file: FileHandle): Promise<string | undefined>;
}

/** What and where. Line and column are 1-based, 0: not known; `at` is a dotted path. Repeats nothing of the file. */
export interface ManagedProblem {
  readonly path: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly at: string;
}

export interface ManagedFound {
  readonly kind: 'settings';
  readonly path: string;
  /** When the file was changed last. Wall time, whole milliseconds. */
  readonly since: number;
  readonly settings: ManagedSettings;
  /** PEM, one certificate each: what stands in `organisation.ca_files`. */
  readonly roots: readonly string[];
}

export type Managed =
  | { readonly kind: 'none' }
  | ManagedFound
  /** There are settings, and they are not obeyed. */
  | ({ readonly kind: 'problem' } & ManagedProblem);

export interface ManagedOptions {
  readonly platform: NodeJS.Platform;
  /** Instead of the platform's own; for tests. */
  readonly place?: ManagedPlace;
  /**
   * A file that whoever started us named. Read only where the platform's place has none, and by the same rules: on a managed machine
   * nobody may choose other settings.
   */
  readonly named?: string | undefined;
}

const MOST_BYTES = 262_144;
const MOST_CA_BYTES = 1_048_576;

function placeOf(platform: NodeJS.Platform): ManagedPlace {
  if (platform === 'darwin') return darwinPlace();
  return platform === 'win32' ? win32Place(runProgram) : linuxPlace();
}

/** Never rejects. */
export async function readManagedSettings(options: ManagedOptions): Promise<Managed> {
  const place = options.place ?? placeOf(options.platform);
  const standard = await readPlace(place, place.path);
  if (standard.kind !== 'none' || options.named === undefined) return standard;
  const path = resolve(options.named);
  const named = await readPlace(place, path);
  return named.kind === 'none' ? problem(path, 'the file does not exist') : named;
}

/** The files that the settings come from, to see when one of them changes: those that are there, and those that could be. */
export function managedFiles(
  { platform, place = placeOf(platform), named }: ManagedOptions,
  managed: Managed,
): string[] {
  const all = [place.path, ...(named === undefined ? [] : [resolve(named)])];
  if (managed.kind !== 'settings') return all;
  const { path, settings } = managed;
  return [...all, ...(settings.organisation.ca_files ?? []).map((name) => resolve(dirname(path), name))];
}

function problem(path: string, message: string, where: Partial<ManagedProblem> = {}): Managed {
  return { kind: 'problem', path, message, line: 0, column: 0, at: '', ...where };
}

async function readPlace(place: ManagedPlace, path: string): Promise<Managed> {
  if (!(await mayExist(path))) return { kind: 'none' };
  const read = await readOwned(place, path, MOST_BYTES);
  if (!('bytes' in read)) return problem(path, `the file ${read.problem}`);
  const parsed = await parseInThread(read.bytes);
  if (!parsed.ok) return problem(path, parsed.message, parsed);
  const { settings } = parsed;
  const roots: string[] = [];
  for (const [index, name] of (settings.organisation.ca_files ?? []).entries()) {
    const file = resolve(dirname(path), name);
    const found = await readOwned(place, file, MOST_CA_BYTES);
    const pems = 'bytes' in found ? splitPem(found.bytes.toString('latin1')) : [];
    if (pems.length === 0) {
      const what = 'bytes' in found ? 'has no certificate in PEM form' : found.problem;
      return problem(path, `the certificate file ${what}`, { at: `organisation.ca_files[${index}]` });
    }
    roots.push(...pems);
  }
  return { kind: 'settings', path, since: read.since, settings, roots };
}

/** False only where there is certainly none: what cannot be looked at must not count as a machine that nobody manages. */
async function mayExist(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

async function readOwned(
  place: ManagedPlace,
  path: string,
  limit: number,
): Promise<{ readonly bytes: Buffer; readonly since: number } | { readonly problem: string }> {
  const opened = await openWithoutWaiting(path);
  if (!('file' in opened)) return opened;
  const { file } = opened;
  try {
    const wrong = await place.ownerProblem(path, file);
    return wrong === undefined ? await readBounded(file, limit) : { problem: wrong };
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})` };
  } finally {
    await file.close();
  }
}
