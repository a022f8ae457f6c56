// SPDX-License-Identifier: Apache-2.0
// What the commands about the organisation share: the folder of this device, whom to trust for a control plane, and connections to it.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { deviceFacts } from '../device-facts.ts';
import { openAuthority } from '../intercept/certs/authority.ts';
import { silentLog } from '../log.ts';
import { openKeyStore } from '../os/key-store/open.ts';
import { LARGEST_LAST_GOOD, LAST_GOOD_FILE } from '../os/managed-settings/last-good.ts';
import { type Managed, type ManagedPlace, readManagedSettings } from '../os/managed-settings/managed-settings.ts';
import { openTrustStore } from '../os/trust-store/open.ts';
import { type ManagedFacts, type Organisation, readOrganisation } from '../sync/enrol/boot.ts';
import type { EnrolParts } from '../sync/enrol/enrol.ts';
import type { Target } from '../sync/enrol/enrolment-file.ts';
import { openKeyFile } from '../sync/enrol/key-file.ts';
import { type Ask, askThrough } from '../sync/enrol/server.ts';
import { filePort } from '../sync/files.ts';
import { createHttp } from '../sync/http.ts';
import { openOrgFolder } from '../sync/org-folder.ts';
import { acceptRoots } from '../upstream/trust.ts';
import { VERSION } from '../version.ts';
import { findRunning } from './running.ts';

export interface DeviceParts extends EnrolParts {
  readonly dataDir: string;
  readonly found: Organisation;
}

/**
 * The settings of device management as the daemon of this folder reads them: also from a file that it was named. With the daemon down, from
 * the one that was good last.
 */
export async function managedAt(dataDir: string, place?: ManagedPlace): Promise<Managed> {
  const named = findRunning(dataDir)?.managed_path ?? (await namedLast(dataDir));
  return await readManagedSettings({ platform: process.platform, named, ...(place !== undefined && { place }) });
}

/** Whatever stands there: a file counts only when it is an administrator's. */
async function namedLast(dataDir: string): Promise<string | undefined> {
  try {
    const text = await openOrgFolder(join(dataDir, 'org'), filePort).read(LAST_GOOD_FILE, LARGEST_LAST_GOOD);
    const { path } = JSON.parse(text ?? '{}') as { readonly path?: unknown };
    return typeof path === 'string' && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error with a sentence when the settings of device management are there and not to be believed */
export function managedFacts(managed: Managed): ManagedFacts | undefined {
  if (managed.kind !== 'problem') return managed.kind === 'settings' ? managed : undefined;
  const { path, message, line, column } = managed;
  const place = line > 0 ? `, line ${line}, column ${column}` : '';
  throw new Error(
    `the settings of device management cannot be used (${path}${place}: ${message}); an administrator must mend them`,
  );
}

/** Throws a sentence for a folder that is not this user's alone: keys are to lie in it. */
export function ownDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (const folder of [dataDir, join(dataDir, 'org')]) {
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (stat === undefined || process.getuid === undefined) continue;
    if (stat.uid !== process.getuid()) throw new Error(`${folder} belongs to another user; run this as that user`);
    if ((stat.mode & 0o077) !== 0)
      throw new Error(`${folder} is open to other users; close it with: chmod 700 ${folder}`);
  }
}

export async function deviceParts(
  dataDir: string,
  env: NodeJS.ProcessEnv,
  managed: ManagedFacts | undefined,
): Promise<DeviceParts> {
  const folder = join(dataDir, 'org');
  const files = openOrgFolder(folder, filePort);
  const keyFile = openKeyFile({ files, store: openKeyStore(process.platform, env, folder), random: randomBytes });
  const found = await readOrganisation({ files, keyFile, managed, log: silentLog });
  return { dataDir, files, keyFile, found, clock: systemClock, facts: deviceFacts(dataDir) };
}

/** Connects for as long as `use` takes. */
export async function atControlPlane<T>(
  { url, ca }: Pick<Target, 'url' | 'ca'>,
  dataDir: string,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const roots = async () => [...(await trustedRoots(dataDir)), ...ca];
  const http = createHttp({ url, roots, version: VERSION, clock: systemClock });
  try {
    return await use(askThrough(http));
  } finally {
    http.close();
  }
}

/** Of this system, but for our own authority: whoever has its key must not pass for the control plane. */
async function trustedRoots(dataDir: string): Promise<readonly string[]> {
  const systemRoots = await openTrustStore(process.platform).readRoots();
  const dir = join(dataDir, 'ca');
  if (!existsSync(dir)) return acceptRoots({ systemRoots }).pems;
  // Not serving: no leaf is minted here.
  const parts = { dir, clock: systemClock, log: silentLog, crlBaseUrl: 'http://127.0.0.1:1', permitted: [] };
  const authority = await openAuthority(parts);
  try {
    return acceptRoots({ systemRoots, exclude: (certificate) => authority.isOurs(certificate) }).pems;
  } finally {
    authority.close();
  }
}
