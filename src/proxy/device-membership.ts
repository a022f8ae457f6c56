// SPDX-License-Identifier: Apache-2.0
// Wiring: what lies on this machine about its organisation, as the rules start from it, and small questions about it. Changes nothing.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { StatusRequest } from '../contract/sync/messages.ts';
import { type ManagedSource, openManaged, type Standing } from './managed-source.ts';
import { openKeyStore } from './os/key-store/open.ts';
import type { RulesOptions } from './rules-types.ts';
import { readOrganisation } from './sync/enrol/boot.ts';
import { openKeyFile } from './sync/enrol/key-file.ts';
import { filePort } from './sync/files.ts';
import { openOrgFolder } from './sync/org-folder.ts';
import type { EnrolledAs } from './sync/org-types.ts';
import type { Uploader } from './upload/uploader.ts';

/** What lies on this machine about its organisation, and the doors to it. */
export async function readMembership({ dataDir, managedPath, managedPlace, env, clock, log }: RulesOptions) {
  const orgDir = join(dataDir, 'org');
  const files = openOrgFolder(orgDir, filePort);
  const managed: ManagedSource = await openManaged({
    platform: process.platform,
    named: managedPath,
    ...(managedPlace !== undefined && { place: managedPlace }),
    files,
    clock,
    log,
  });
  const keyFile = openKeyFile({ files, store: openKeyStore(process.platform, env, orgDir), random: randomBytes });
  const found = await readOrganisation({ files, keyFile, managed: managed.now.facts, log });
  return { managed, orgDir, files, keyFile, found };
}

/** Comparable. A token matters to enrolment only. */
export function rulesOf({ facts, inDoubt }: Standing): string {
  if (facts === undefined) return inDoubt ? 'in doubt' : '';
  const { organisation, ...rest } = facts.settings;
  const { url, org, root } = organisation;
  return JSON.stringify([url, org, root, facts.roots, rest]);
}

export function queueOf(uploader: Uploader | undefined): StatusRequest['queue'] {
  const status = uploader?.status();
  return {
    epoch: status === undefined || status.epoch === '' ? null : status.epoch,
    seq: status?.seq ?? 0,
    rows: status?.rows ?? 0,
    bytes: status?.bytes ?? 0,
    oldest: status?.oldest ?? null,
    quarantined: status?.quarantined ?? 0,
  };
}

export function isEnrolledAs(a: EnrolledAs | undefined, b: EnrolledAs): boolean {
  return a !== undefined && a.url === b.url && a.org === b.org && a.device === b.device && a.root === b.root;
}
