// SPDX-License-Identifier: Apache-2.0
// `enrolment.json`: which organisation this device belongs to, and as what. Its `kid` decides which of the keys at hand the server knows.

import { hasMembers, isText, isWhole, type MemberTests } from '../../../contract/members.ts';
import type { OrgFolder } from '../org-folder.ts';

/** What enrolment needs of the folder. */
export type OrgFiles = Pick<OrgFolder, 'read' | 'replace' | 'remove'>;

export const ENROLMENT_FILE = 'enrolment.json';
/** Certificates of up to 1 MB stand in it. */
const LARGEST = 2 * 1_048_576;

/** Where an organisation's control plane is, and how it is known. */
export interface Target {
  readonly url: string;
  readonly org: string;
  /** Fingerprint of the pinned root: `root-N:HEX`. */
  readonly root: string;
  /** PEM certificates that are trusted for `url` besides the system's. */
  readonly ca: readonly string[];
}

export interface Enrolment extends Target {
  readonly v: 1;
  /** Given by the server. */
  readonly device: string;
  /** The pair of keys with which it enrolled, or that it has rotated to since. */
  readonly kid: string;
  /** At the time of enrolment. */
  readonly ring: string;
  /** The server wants to know who uses the device. */
  readonly bind_user: boolean;
  /** Server's time of enrolment, milliseconds since the Unix epoch. */
  readonly at: number;
}

export type EnrolmentRead =
  | { readonly kind: 'enrolment'; readonly enrolment: Enrolment }
  | { readonly kind: 'none' }
  | { readonly kind: 'damaged'; readonly detail: string };

const matches = (form: RegExp) => (value: unknown) => isText(value) && form.test(value);

/** As in src/contract/sync/words.ts, which would load zod. */
export const isOrgId = matches(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
export const isDeviceId = matches(/^d-[0-9a-f]{32}$/);
export const isRingId = matches(/^[a-z0-9-]{1,32}$/);
export const isFingerprint = matches(/^root-[1-9]\d{0,6}:[0-9a-f]{64}$/);
export const isToken = matches(/^ote_[A-Za-z0-9_-]{43}$/);

const ENROLMENT: MemberTests<Enrolment> = {
  v: (value) => value === 1,
  url: (value) => isText(value) && isServerUrl(value),
  org: isOrgId,
  root: isFingerprint,
  ca: (value) => Array.isArray(value) && value.every(isText),
  device: isDeviceId,
  kid: matches(/^[A-Za-z0-9_-]{43}$/),
  ring: isRingId,
  bind_user: (value) => typeof value === 'boolean',
  at: (value) => isWhole(value, 0),
};

/** As `baseUrl` of the contract has it: https, or http to this machine; nothing that hides where it leads. */
export function isServerUrl(text: string): boolean {
  if (text.length > 512 || !URL.canParse(text) || /[?#]/.test(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && loopback);
}

/** Never rejects. */
export async function readEnrolment(files: OrgFiles): Promise<EnrolmentRead> {
  try {
    const text = await files.read(ENROLMENT_FILE, LARGEST);
    if (text === undefined) return { kind: 'none' };
    const enrolment: unknown = JSON.parse(text);
    if (hasMembers<Enrolment>(enrolment, ENROLMENT)) return { kind: 'enrolment', enrolment };
    return { kind: 'damaged', detail: 'it is not what Outpost writes' };
  } catch (error) {
    const detail =
      error instanceof SyntaxError ? 'it is not JSON' : error instanceof Error ? error.message : String(error);
    return { kind: 'damaged', detail };
  }
}

export async function writeEnrolment(files: OrgFiles, enrolment: Enrolment): Promise<void> {
  await files.replace(ENROLMENT_FILE, `${JSON.stringify(enrolment)}\n`);
}
