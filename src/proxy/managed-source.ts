// SPDX-License-Identifier: Apache-2.0
// Wiring: the settings of device management as they hold now. What is not good now does not hold, the copy of what was good last does.

import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import { LARGEST_LAST_GOOD, LAST_GOOD_FILE, readLastGood, writeLastGood } from './os/managed-settings/last-good.ts';
import {
  type Managed,
  type ManagedFound,
  type ManagedOptions,
  type ManagedProblem,
  managedFiles,
  readManagedSettings,
} from './os/managed-settings/managed-settings.ts';
import { stampOf } from './policy/stamp.ts';
import type { ManagedNow } from './sync/enrol/boot.ts';
import type { OrgFolder } from './sync/org-folder.ts';

/** What is wrong with the settings may pass by itself; that is looked at this often. Milliseconds. */
const RETRY_MS = 300_000;

export interface Standing extends ManagedNow {
  readonly facts: ManagedFound | undefined;
  readonly problem: ManagedProblem | undefined;
}

export interface ManagedSource {
  readonly now: Standing;
  /** Reads them again when their files have changed; true: they say something else. Never rejects. */
  look(): Promise<boolean>;
}

export interface SourceOptions extends ManagedOptions {
  readonly files: Pick<OrgFolder, 'read' | 'replace' | 'remove'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Never rejects. */
export async function openManaged(options: SourceOptions): Promise<ManagedSource> {
  const { clock } = options;
  let files = managedFiles(options, { kind: 'none' });
  let stamp = '';
  let readAt = 0;
  async function read(): Promise<Standing> {
    // Before: what changes while it is read is seen the next time.
    stamp = await stampOf(files);
    const managed = await readManagedSettings(options);
    const named = managedFiles(options, managed);
    if (named.join('\n') !== files.join('\n')) {
      files = named;
      stamp = await stampOf(files);
    }
    readAt = clock.monotonic();
    const standing = await standingOf(managed, options.files);
    await keepLastGood(managed, options);
    return standing;
  }
  let now = await read();
  return {
    get now() {
      return now;
    },
    async look() {
      const retry = now.problem !== undefined && clock.monotonic() - readAt >= RETRY_MS;
      if (!retry && (await stampOf(files)) === stamp) return false;
      const before = JSON.stringify(now);
      now = await read();
      return JSON.stringify(now) !== before;
    },
  };
}

/** What holds where this was read. Never rejects. */
export async function standingOf(managed: Managed, files: Pick<OrgFolder, 'read'>): Promise<Standing> {
  if (managed.kind !== 'problem') {
    return { facts: managed.kind === 'none' ? undefined : managed, problem: undefined, inDoubt: false };
  }
  const { kind: _, ...problem } = managed;
  const held = await textOf(files);
  const facts = held === undefined ? undefined : await readLastGood(held);
  return { facts, problem, inDoubt: facts === undefined };
}

async function keepLastGood(managed: Managed, { files, log }: SourceOptions): Promise<void> {
  if (managed.kind === 'problem') return;
  const held = await textOf(files);
  try {
    if (managed.kind === 'none') await files.remove(LAST_GOOD_FILE);
    else if (writeLastGood(managed) !== held) await files.replace(LAST_GOOD_FILE, writeLastGood(managed));
  } catch (error) {
    log.warn('managed-settings-not-kept', { error: (error as NodeJS.ErrnoException).code ?? 'unknown' });
  }
}

async function textOf(files: Pick<OrgFolder, 'read'>): Promise<string | undefined> {
  try {
    return await files.read(LAST_GOOD_FILE, LARGEST_LAST_GOOD);
  } catch {
    return undefined;
  }
}
