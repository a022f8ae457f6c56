// SPDX-License-Identifier: Apache-2.0
// The digest that the control plane signs each hour and keeps outside of its database: how far every history had come. Schema only.

import { z } from 'zod';
import { deviceId, epochId, orgId, sha256Hex } from './sync/words.ts';

/** In place of a device: the control plane's own chain. */
export const CONTROL_PLANE = 'control-plane';

export const digestHead = z.strictObject({
  device: z.union([deviceId, z.literal(CONTROL_PLANE)]),
  epoch: epochId,
  seq: z.int().positive(),
  /** Of the row with this number. */
  hash: sha256Hex,
});
export type DigestHead = z.infer<typeof digestHead>;

/** Signed by a receipt key; the file is the signed object in canonical JSON. */
export const digestPayload = z.strictObject({
  v: z.literal(1),
  org: orgId,
  /** Whole hours since the Unix epoch. Rises from digest to digest; hours in which no server ran have none. */
  hour: z.int().nonnegative(),
  /** SHA-256 of the file of the digest before; null: this is the first. */
  previous: sha256Hex.nullable(),
  /** In the first digest all heads, then those that moved since the one before, by device and epoch. */
  heads: z.array(digestHead),
});
export type DigestPayload = z.infer<typeof digestPayload>;
