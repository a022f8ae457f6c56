// SPDX-License-Identifier: Apache-2.0
// The rows that the control plane writes of itself: what administrators did, and what happened by itself. Chained like a device's rows
// (src/protocol/chain.ts has the form), in an epoch per organisation; never on a device.

import { z } from 'zod';
import { detail } from './audit-row.ts';

const short = z.string().max(256);

export const adminBody = z.strictObject({
  kind: z.literal('admin'),
  /** `user:NAME`, `cli`, or `system` for what happened by itself (automatic halt, retention). */
  actor: short,
  role: short.optional(),
  /** Dotted: `policy.publish`, `device.revoke`. */
  action: short,
  /** What it was done to: `policy:12`, `device:d-…`, `token:…`. */
  target: short,
  result: z.enum(['done', 'refused']),
  detail,
});
export type AdminBody = z.infer<typeof adminBody>;
