// SPDX-License-Identifier: Apache-2.0
// What this device belongs to, from what lies on it: managed settings, enrolment and keys. Reads, and puts in order what a crash left half
// done; asks nobody.

import type { Log } from '../../../contract/log.ts';
import type { ManagedSettings } from '../../../contract/sync/managed.ts';
import type { OrgKeys } from '../org-types.ts';
import type { Management } from '../view.ts';
import { type Enrolment, type OrgFiles, readEnrolment, type Target, writeEnrolment } from './enrolment-file.ts';
import type { DeviceKeys, KeyFile, Protection } from './key-file.ts';

/** What device management says, and the certificates that it names. */
export interface ManagedFacts {
  readonly settings: ManagedSettings;
  /** PEM. */
  readonly roots: readonly string[];
}

/** What device management says of this machine at the moment. */
export interface ManagedNow {
  /** Undefined: nothing that could be obeyed. */
  readonly facts: ManagedFacts | undefined;
  /** There are settings, and nothing is known of what they say: nobody leaves, and nothing passes before a policy is there. */
  readonly inDoubt: boolean;
}

/** With which requests can be signed. */
export type UsableKeys = DeviceKeys & Required<Pick<DeviceKeys, 'current'>>;

/** What there is of the keys that the server knows. */
export type KeysAtHand =
  | { readonly kind: 'keys'; readonly keys: UsableKeys; readonly protection: Protection }
  | { readonly kind: 'locked' | 'lost'; readonly detail: string };

export interface Membership {
  readonly enrolment: Enrolment;
  readonly keys: KeysAtHand;
}

export type Organisation =
  /** `detail`: there is an enrolment, and it cannot be read. */
  | { readonly mode: 'stand-alone'; readonly detail: string | undefined }
  | {
      readonly mode: 'organisation';
      /** Device management's word before that of the enrolment. */
      readonly target: Target;
      /** Undefined: not enrolled yet. */
      readonly member: Membership | undefined;
      readonly managed: ManagedFacts | undefined;
    };

export interface OrganisationParts {
  readonly files: OrgFiles;
  readonly keyFile: KeyFile;
  readonly managed: ManagedFacts | undefined;
  readonly log: Log;
}

/** Never rejects. */
export async function readOrganisation(parts: OrganisationParts): Promise<Organisation> {
  const { files, managed } = parts;
  const read = await readEnrolment(files);
  const own = read.kind === 'enrolment' ? read.enrolment : undefined;
  const target = managed === undefined ? own : targetOf(managed);
  if (target === undefined) return { mode: 'stand-alone', detail: read.kind === 'damaged' ? read.detail : undefined };
  // Device management names another organisation: what is there belongs to the one before.
  const member = own === undefined || own.org !== target.org ? undefined : await readMember(parts, own, target);
  return { mode: 'organisation', target: plain(target), member, managed };
}

/** What device management pins. */
export function targetOf({ settings: { organisation }, roots }: ManagedFacts): Target {
  const { url, org, root } = organisation;
  return { url, org, root, ca: roots };
}

/** Without what an enrolment has besides. */
function plain({ url, org, root, ca }: Target): Target {
  return { url, org, root, ca };
}

/** As requests and secrets need them. The server may seal to keys to which we have not heard that it has turned, and have sealed to older ones. */
export function orgKeysOf({ current, rotating, old }: UsableKeys): OrgKeys {
  const seal = [current, rotating, old].flatMap((pair) => (pair === undefined ? [] : [pair.seal]));
  return { kid: current.kid, sign: current.sign, seal };
}

export function managementOf({ facts, inDoubt }: ManagedNow): Management {
  const meant = inDoubt ? 'block' : 'pass';
  const { before_first_policy = meant, floors = {} } = facts?.settings ?? {};
  return { beforeFirstPolicy: before_first_policy, floors };
}

async function readMember(
  { files, keyFile, log }: OrganisationParts,
  own: Enrolment,
  target: Target,
): Promise<Membership> {
  const read = await keyFile.read();
  const placed = { ...own, ...plain(target) };
  const lost = (detail: string): Membership => ({ enrolment: placed, keys: { kind: 'lost', detail } });
  if (read.kind === 'locked') return { enrolment: placed, keys: read };
  if (read.kind === 'none') return lost('the file is missing');
  if (read.kind === 'damaged') return lost(read.detail);
  // Most devices have no keys: what enrols is not loaded there.
  const { settle } = await import('./enrol.ts');
  const settled = settle(read.keys, own);
  const { current } = settled.keys;
  if (settled.foreign || current === undefined) return lost('they are those of another enrolment');
  try {
    if (settled.keys !== read.keys) await keyFile.write(settled.keys);
    if (settled.enrolment !== own) await writeEnrolment(files, settled.enrolment);
  } catch (error) {
    // The same is found and done the next time.
    log.warn('enrolment-not-settled', { error: String(error) });
  }
  const keys = { ...settled.keys, current };
  return { enrolment: { ...placed, kid: current.kid }, keys: { kind: 'keys', keys, protection: read.protection } };
}
