// SPDX-License-Identifier: Apache-2.0
// Which ring a device is dealt into. Pure.

import { createHmac } from 'node:crypto';
import { RINGS, type RingId } from '../../contract/sync/rings.ts';

/** The draw is in ten-thousandths. */
const SLOTS = 10_000;

/** Always the same for a device; nobody without the organisation's ring key can tell which, or enrol until it suits him. */
export function ringOf(ringKey: Uint8Array, device: string): RingId {
  const drawn = createHmac('sha256', ringKey).update(device, 'utf8').digest().readUIntBE(0, 6) % SLOTS;
  const ring = RINGS.find(({ upto }) => drawn < (upto * SLOTS) / 100);
  if (ring === undefined) throw new Error('the rings do not end with 100');
  return ring.id;
}
