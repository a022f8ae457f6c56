// SPDX-License-Identifier: Apache-2.0
// Puts new keys in the place of the device's. They are on disk before the server hears of them; what is on disk afterwards decides, and
// asking twice gives the same answer. Knows no timer.

import type { Clock } from '../../../contract/clock.ts';
import { isWhole } from '../../../contract/members.ts';
import type { RotateRequest } from '../../../contract/sync/messages.ts';
import { makePair, publicKeys } from './device-keys.ts';
import { atServerTime, discover, type ServerTime } from './discover.ts';
import { keysAtHand, onDisk } from './enrol.ts';
import { EnrolError } from './enrol-error.ts';
import { type Enrolment, type OrgFiles, writeEnrolment } from './enrolment-file.ts';
import type { DeviceKeys, HeldPair, KeyFile } from './key-file.ts';
import { rotationProof } from './rotation-proof.ts';
import { type Ask, readAnswer } from './server.ts';

/** Milliseconds: 90 days (sync-audit 2). */
const ROTATE_AFTER = 90 * 86_400_000;

/** @param trustedNow milliseconds since the Unix epoch, trusted time */
export function isRotationDue({ current }: DeviceKeys, trustedNow: number): boolean {
  return current !== undefined && trustedNow - current.at >= ROTATE_AFTER;
}

export interface RotateParts {
  readonly files: OrgFiles;
  readonly keyFile: KeyFile;
  readonly clock: Clock;
}

export interface Rotated {
  readonly keys: DeviceKeys;
  readonly enrolment: Enrolment;
}

interface RotateAnswer {
  readonly now: number;
  readonly old_until: number;
}

const isTime = (value: unknown): boolean => isWhole(value, 0);

/** Throws EnrolError; `reenroll` when the server knows neither the keys in use nor the new ones. */
export async function rotate(parts: RotateParts, ask: Ask, enrolment: Enrolment): Promise<Rotated> {
  const { files, keyFile, clock } = parts;
  const keys = await keysAtHand(keyFile, false);
  const { current } = keys;
  if (current === undefined) throw new EnrolError('locked', 'the keys of this device are not there');
  const time = await discover(ask, clock);
  const pair = keys.rotating ?? { ...makePair(), org: enrolment.org, at: time.now() };
  try {
    if (keys.rotating === undefined) await keyFile.write({ ...keys, rotating: pair });
    const answer = await announce(ask, enrolment.device, current, pair, time);
    const { rotating: _, ...others } = keys;
    const after: DeviceKeys = {
      ...others,
      current: { ...pair, at: answer.now },
      old: { ...current, at: answer.old_until },
    };
    // First the keys: settle() mends the other file from them.
    await keyFile.write(after);
    const now: Enrolment = { ...enrolment, kid: pair.kid };
    await writeEnrolment(files, now);
    return { keys: after, enrolment: now };
  } catch (error) {
    if (!(error instanceof EnrolError)) throw onDisk(error);
    if (error.code === 'forbidden') await withoutNext(keyFile, keys);
    throw error;
  }
}

/** Signed with the key in use. If that one is not known any more, the answer to an earlier try was lost, and its week is over. */
async function announce(
  ask: Ask,
  device: string,
  current: HeldPair,
  pair: HeldPair,
  time: ServerTime,
): Promise<RotateAnswer> {
  const once = async (signer: HeldPair): Promise<RotateAnswer> => {
    const proof = { v: 1, device, from: current.kid, issued: time.now() } as const;
    const body: RotateRequest = { v: 1, keys: publicKeys(pair), proof: rotationProof(proof, pair) };
    const asked = {
      method: 'POST',
      path: 'v1/rotate',
      body,
      signer: { pair: signer, created: time.created },
    } as const;
    return readAnswer<RotateAnswer>(await ask(asked), { now: isTime, old_until: isTime });
  };
  try {
    return await atServerTime(time, () => once(current));
  } catch (error) {
    if (!(error instanceof EnrolError) || error.code !== 'reenroll') throw error;
    return await once(pair);
  }
}

/** The server will never take these: other ones are made the next time. */
async function withoutNext(keyFile: KeyFile, { rotating: _, ...keys }: DeviceKeys): Promise<void> {
  try {
    await keyFile.write(keys);
  } catch {
    // Then they are tried again.
  }
}
