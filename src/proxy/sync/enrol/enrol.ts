// SPDX-License-Identifier: Apache-2.0
// Makes this machine a device of an organisation. Each step may be the last before the power goes: keys are on disk before the server hears
// of them, the same keys are shown again until the server's answer is on disk, and that file decides. Knows no command line and no timer.

import type { Clock } from '../../../contract/clock.ts';
import { isWhole } from '../../../contract/members.ts';
import type { DeviceFacts, EnrollAnswer, EnrollRequest } from '../../../contract/sync/messages.ts';
import { makePair, publicKeys } from './device-keys.ts';
import { atServerTime, discover, type ServerTime } from './discover.ts';
import { EnrolError } from './enrol-error.ts';
import {
  type Enrolment,
  type EnrolmentRead,
  isDeviceId,
  isOrgId,
  isRingId,
  type OrgFiles,
  readEnrolment,
  type Target,
  writeEnrolment,
} from './enrolment-file.ts';
import type { DeviceKeys, HeldPair, KeyFile } from './key-file.ts';
import { fetchRoot } from './root-check.ts';
import { type Ask, readAnswer } from './server.ts';

export interface EnrolParts {
  readonly files: OrgFiles;
  readonly keyFile: KeyFile;
  readonly clock: Clock;
  readonly facts: DeviceFacts;
}

export interface EnrolWish {
  readonly target: Target;
  readonly token: string;
  /** The server knows the keys in use no more, or they cannot be had: others are made, even if those are lost by it. */
  readonly newKeys: boolean;
}

/** What the organisation has sent, and how far its server is: nothing of it is another organisation's business. */
const OF_ONE_ORGANISATION = [
  'policy.current',
  'policy.previous',
  'policy.next',
  'fresh.json',
  'state.json',
  'upload.json',
];

/** Throws EnrolError. */
export async function enrol(parts: EnrolParts, ask: Ask, wish: EnrolWish): Promise<Enrolment> {
  const { files, keyFile, clock } = parts;
  const { target } = wish;
  const time = await discover(ask, clock);
  await fetchRoot(ask, target.org, target.root);
  const before = await readEnrolment(files);
  let keys = await keysAtHand(keyFile, wish.newKeys);
  let pair = reusable(keys, before, wish);
  if (pair === undefined) [keys, pair] = await withNewPair(keyFile, keys, target.org, time);
  let answer: EnrollAnswer;
  try {
    answer = await post(parts, ask, wish, pair, time);
  } catch (error) {
    // The server knows these keys, and that they have had their day.
    if (!(error instanceof EnrolError) || error.code !== 'reenroll') throw error;
    [keys, pair] = await withNewPair(keyFile, keys, target.org, time);
    answer = await post(parts, ask, wish, pair, time);
  }
  if (answer.org !== target.org) throw new EnrolError('answer', 'the server enrolled the device elsewhere than asked');
  const { device, ring, now, bind_user } = answer;
  const enrolment: Enrolment = { v: 1, ...target, device, kid: pair.kid, ring, bind_user, at: now };
  try {
    if (before.kind === 'enrolment' && before.enrolment.org !== target.org) await forgetOrganisation(files);
    await writeEnrolment(files, enrolment);
    const settled = settle(keys, enrolment);
    if (settled.keys !== keys) await keyFile.write(settled.keys);
  } catch (error) {
    throw onDisk(error);
  }
  return enrolment;
}

/** @param anyway makes none of keys that cannot be opened. Throws EnrolError `locked` otherwise. */
export async function keysAtHand(keyFile: KeyFile, anyway: boolean): Promise<DeviceKeys> {
  const read = await keyFile.read();
  if (read.kind === 'keys') return read.keys;
  if (read.kind !== 'locked' || anyway) return {};
  throw new EnrolError('locked', `the keys of this device cannot be opened: ${read.detail}`);
}

/** A pair of which the server may have heard before, for the same end. */
function reusable(keys: DeviceKeys, before: EnrolmentRead, { target, newKeys }: EnrolWish): HeldPair | undefined {
  const { enrolling, current } = keys;
  const inUse = before.kind === 'enrolment' ? before.enrolment.kid : undefined;
  if (enrolling?.org === target.org && enrolling.kid !== inUse) return enrolling;
  // The other file was lost: the server says who we are.
  return !newKeys && current?.org === target.org ? current : undefined;
}

async function withNewPair(
  keyFile: KeyFile,
  keys: DeviceKeys,
  org: string,
  time: ServerTime,
): Promise<readonly [DeviceKeys, HeldPair]> {
  const pair: HeldPair = { ...makePair(), org, at: time.now() };
  const held: DeviceKeys = { ...keys, enrolling: pair };
  try {
    await keyFile.write(held);
  } catch (error) {
    throw onDisk(error);
  }
  return [held, pair];
}

async function post(
  { facts }: EnrolParts,
  ask: Ask,
  { target, token }: EnrolWish,
  pair: HeldPair,
  time: ServerTime,
): Promise<EnrollAnswer> {
  const body: EnrollRequest = { v: 1, org: target.org, token, keys: publicKeys(pair), facts };
  const asked = { method: 'POST', path: 'v1/enroll', body, signer: { pair, created: time.created } } as const;
  return await atServerTime(time, async () =>
    readAnswer<EnrollAnswer>(await ask(asked), {
      device: isDeviceId,
      org: isOrgId,
      ring: isRingId,
      now: (value) => isWhole(value, 0),
      bind_user: (value) => typeof value === 'boolean',
    }),
  );
}

/** Both files as they belong together, whichever step was the last before the process ended. */
export interface Settled {
  readonly keys: DeviceKeys;
  readonly enrolment: Enrolment;
  /** The keys are not those of the enrolment. */
  readonly foreign: boolean;
}

/** Pure. What is unchanged is the same object. */
export function settle(keys: DeviceKeys, enrolment: Enrolment): Settled {
  const { current, enrolling, old } = keys;
  const { kid } = enrolment;
  if (current?.kid === kid) return { keys, enrolment, foreign: false };
  if (enrolling?.kid === kid) {
    const was = current === undefined ? {} : { old: current };
    return { keys: { current: { ...enrolling, at: enrolment.at }, ...was }, enrolment, foreign: false };
  }
  if (current !== undefined && old?.kid === kid) {
    return { keys, enrolment: { ...enrolment, kid: current.kid }, foreign: false };
  }
  return { keys, enrolment, foreign: true };
}

/** Removes what was received from the organisation. The keys, the enrolment and the audit rows are not touched. */
export async function forgetOrganisation(files: OrgFiles): Promise<void> {
  for (const name of OF_ONE_ORGANISATION) await files.remove(name);
}

export function onDisk(error: unknown): EnrolError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new EnrolError('disk', `the organisation’s folder cannot be used (${code ?? message})`);
}
