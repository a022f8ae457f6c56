// SPDX-License-Identifier: Apache-2.0
// The settings of an organisation, with their defaults. Schema only.

import { z } from 'zod';
import { RINGS } from '../../contract/sync/rings.ts';
import { programVersion } from '../../contract/sync/words.ts';
import { signInSettings } from '../devices/sign-in-settings.ts';
import { digestBucket, exportList } from '../exports/settings.ts';

const DAY_S = 86_400;
const HOUR_S = 3_600;
const ENDS: readonly number[] = RINGS.map(({ upto }) => upto);

const stages = z
  .array(z.int().refine((stage) => ENDS.includes(stage), `must be one of ${ENDS.join(', ')}`))
  .min(1)
  .refine((all) => all.every((stage, index) => stage > (all[index - 1] ?? 0)) && all.at(-1) === 100, {
    message: 'must rise and end with 100',
  });

const halt = z.strictObject({
  /** Share of a version's devices that refuse it, from which on it is halted. */
  nack: z.number().gt(0).max(1).default(0.005),
  /** So many times the usual share of refused calls. */
  deny_factor: z.number().min(1).max(100).default(3),
  /** So much more of its devices are silent than of the others. */
  silent: z.number().gt(0).max(1).default(0.01),
});

/** All of it has a default: `{}` is what a new organisation starts with. */
export const orgSettings = z.strictObject({
  freshness: z
    .strictObject({
      /** Seconds that a freshness document holds. */
      lifetime_s: z
        .int()
        .min(HOUR_S)
        .max(30 * DAY_S)
        .default(DAY_S),
      /** Seconds after which it is signed anew. */
      resign_s: z.int().min(60).max(DAY_S).default(HOUR_S),
    })
    .refine(({ lifetime_s, resign_s }) => resign_s * 2 <= lifetime_s, {
      message: 'resign_s must be at most half of lifetime_s',
      path: ['resign_s'],
    })
    .prefault({}),
  /** Seconds between two polls of a device. */
  next_poll_s: z.int().min(5).max(DAY_S).default(60),
  /** Seconds over which devices spread when they are told to look. */
  spread_s: z.int().min(0).max(HOUR_S).default(30),
  /** Older agents warn. */
  min_agent: programVersion.optional(),
  /** Where its people sign in; absent: nobody does. */
  sign_in: signInSettings.optional(),
  halt: halt.prefault({}),
  /** Days that audit rows are kept, by what they hold. */
  retention: z.strictObject({ metadata_days: z.int().min(1).max(3660).default(365) }).prefault({}),
  /** Days after which a device that is not heard of raises an alarm. */
  silent_days: z.int().min(1).max(365).default(3),
  /** Where audit rows are sent. */
  exports: exportList,
  /** Keeps the hourly digests as well, where nobody can change them. */
  digest_bucket: digestBucket.optional(),
  rollout: z
    .strictObject({
      stages: stages.default([1, 10, 50, 100]),
      /** Minutes after which a stage gives way to the next by itself, while it is well; 0: never. */
      advance_after_min: z
        .int()
        .min(0)
        .max(30 * 1440)
        .default(0),
    })
    .prefault({}),
});
export type OrgSettings = z.infer<typeof orgSettings>;

/** What lies in the database. Throws when it is none of ours. */
export function readSettings(text: string): OrgSettings {
  return orgSettings.parse(JSON.parse(text));
}
