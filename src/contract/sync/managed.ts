// SPDX-License-Identifier: Apache-2.0
// The managed settings: what device management says of this machine's organisation, and what the server may not loosen. Schema only.

import { z } from 'zod';
import { baseUrl, glob } from '../config-words.ts';
import { hostPattern } from '../host-catalogue.ts';
import { orgId } from './words.ts';

/** `root-N:` and the SHA-256 of the payload of root N. */
export const rootFingerprint = z
  .string()
  .regex(/^root-[1-9]\d{0,6}:[0-9a-f]{64}$/, 'must be root-N:HEX, as `outpost-admin root show` prints it');

/** Rules that hold whatever a bundle says. Each can only make it stricter. */
export const floors = z.strictObject({
  audit: z
    .strictObject({
      level: z.enum(['strict', 'standard', 'relaxed']).optional(),
      on_full: z.enum(['block']).optional(),
      retention_days: z.int().min(1).max(3660).optional(),
    })
    .optional(),
  /** Hosts that stay blocked. */
  block_hosts: z.array(hostPattern).max(1024).optional(),
  /** Models that stay denied. */
  deny_models: z.array(glob).max(1024).optional(),
  /** An order to stop intercepting is not obeyed. */
  no_bypass: z.boolean().optional(),
  /** Offline override codes are not accepted. */
  no_override: z.boolean().optional(),
});
export type Floors = z.infer<typeof floors>;

export const managedSettings = z.strictObject({
  organisation: z.strictObject({
    url: baseUrl,
    org: orgId,
    /** Absent: somebody runs `outpost enroll` with one. */
    token: z
      .string()
      .regex(/^ote_[A-Za-z0-9_-]{43}$/, 'must be an enrolment token (ote_…)')
      .optional(),
    root: rootFingerprint,
    /** PEM files that are trusted for `url` besides the system's roots. */
    ca_files: z.array(z.string().min(1).max(1024)).max(16).optional(),
  }),
  /** Until there is a policy. Default `pass`: calls go on, recorded. */
  before_first_policy: z.enum(['pass', 'block']).optional(),
  floors: floors.optional(),
});
export type ManagedSettings = z.infer<typeof managedSettings>;
