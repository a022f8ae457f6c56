// SPDX-License-Identifier: Apache-2.0
// What the admin page (and any program with a session) and the control plane say to each other. Schemas only. Times are milliseconds since
// the Unix epoch. All lists come in pages: `next` is the cursor of the following one, null at the end.

import { z } from 'zod';
import { policyFault } from '../sync/messages.ts';
import { KILL_LEVELS } from '../sync/objects.ts';
import { deviceId, instant, orgId, ringId, secretName, sha256Hex, text } from '../sync/words.ts';
import { ROLES } from './access.ts';

export const role = z.enum(ROLES);
const cursor = z.string().max(1024);
const next = cursor.nullable();
const version = z.int().positive();
const count = z.int().nonnegative();
const done = z.strictObject({ done: z.literal(true) });

export const adminError = z.strictObject({
  error: z.enum(['signed-out', 'forbidden', 'missing', 'conflict', 'invalid', 'too-large', 'rate', 'internal']),
  message: z.string(),
  /** Of a policy: where it is wrong. */
  faults: z.array(policyFault).optional(),
});

/** Whom a server of several organisations is asked for. Absent: the only one. */
export const orgQuery = z.strictObject({ org: orgId.optional() });
/** Before signing in: which ways there are. */
export const waysAnswer = z.strictObject({ org: orgId, name: text(256), local: z.boolean(), oidc: z.boolean() });
export const signInRequest = z.strictObject({ name: text(64).min(1), password: z.string().min(1).max(1024) });
export const sessionAnswer = z.strictObject({
  org: z.strictObject({ id: orgId, name: text(256) }),
  user: z.strictObject({ id: z.string(), name: text(256), roles: z.array(role) }),
  expires: instant,
  /** The first password was made by the program and must be changed. */
  change_password: z.boolean(),
});
export const passwordRequest = z.strictObject({
  old: z.string().max(1024),
  new: z.string().min(12, 'must have at least 12 characters').max(1024),
});

export const overviewAnswer = z.strictObject({
  devices: z.strictObject({
    total: count,
    /** Heard of within the last 15 minutes. */
    online: count,
    by_platform: z.record(z.string(), count),
    by_freshness: z.record(z.string(), count),
    by_version: z.array(z.strictObject({ version: version.nullable(), devices: count })),
    refusing: count,
    unsent_rows: count,
  }),
  alarms: z.strictObject({ open: count }),
  /** Oldest first, one for each hour of the last day. */
  hours: z.array(z.strictObject({ at: instant, calls: count, refused: count })),
  policy: z.strictObject({ active: version.nullable(), rolling: version.nullable(), stage: count, proposed: count }),
  orders: count,
});

export const deviceRow = z.strictObject({
  id: deviceId,
  name: z.string(),
  user: z.string().nullable(),
  platform: z.string(),
  os_version: z.string(),
  arch: z.string(),
  agent: z.string(),
  state: z.enum(['active', 'revoked', 'replaced', 'reenroll']),
  ring: ringId,
  ring_pinned: z.boolean(),
  enrolled: instant,
  last_seen: instant,
  policy_version: version.nullable(),
  freshness: z.string(),
  refused_version: count.nullable(),
  queue_rows: count,
  queue_oldest: instant.nullable(),
  interception: z.string(),
  warnings: z.array(z.string()),
  apps: count,
});
export type DeviceRow = z.infer<typeof deviceRow>;
export const devicesQuery = z.strictObject({
  search: text(128).optional(),
  platform: text(32).optional(),
  state: z.enum(['active', 'revoked', 'replaced', 'reenroll']).optional(),
  ring: ringId.optional(),
  freshness: text(16).optional(),
  app: text(256).optional(),
  refusing: z.enum(['true']).optional(),
  sort: z.enum(['name', 'last_seen']).optional(),
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
export const devicesAnswer = z.strictObject({ devices: z.array(deviceRow), next });
export const deviceAnswer = z.strictObject({
  device: z.strictObject({
    ...deviceRow.shape,
    serial: z.string().nullable(),
    revoke_reason: z.string().nullable(),
    replaces: z.string().nullable(),
    policy_sha256: z.string().nullable(),
    policy_since: instant.nullable(),
    clock_delta_ms: z.int(),
    user_groups: z.array(z.string()),
    user_until: instant.nullable(),
    refused: z.strictObject({ version: count, errors: z.array(policyFault) }).nullable(),
    status_at: instant.nullable(),
  }),
  apps: z.array(z.strictObject({ app: z.string(), first_seen: instant, last_seen: instant })),
  epochs: z.array(z.strictObject({ epoch: z.string(), seq: count, hash: z.string(), last_received: instant })),
});
export const REVOKE_REASONS = ['lost', 'retired', 'compromised', 'other'] as const;
export const revokeRequest = z.strictObject({ reason: z.enum(REVOKE_REASONS) });
export const ringRequest = z.strictObject({ ring: ringId.nullable() });
export const overrideRequest = z.strictObject({
  minutes: z.union([z.literal(15), z.literal(30), z.literal(60), z.literal(240)]),
});
export const overrideAnswer = z.strictObject({ code: z.string(), until: instant });
/** Recomputes the chain over what is stored. */
export const chainAnswer = z.strictObject({
  epochs: z.array(
    z.strictObject({ epoch: z.string(), rows: count, whole: z.boolean(), problem: z.string().nullable() }),
  ),
});

export const tokenRow = z.strictObject({
  id: z.string(),
  note: z.string(),
  created: instant,
  created_by: z.string(),
  expires: instant,
  max_uses: count,
  uses: count,
  revoked: z.boolean(),
});
export const tokensAnswer = z.strictObject({ tokens: z.array(tokenRow) });
export const newTokenRequest = z.strictObject({
  note: text(128),
  max_uses: z.int().min(1).max(1_000_000),
  /** Hours from now. */
  hours: z.int().min(1).max(8784),
});
/** `token` is shown this once. `settings`: what device management rolls out. */
export const newTokenAnswer = z.strictObject({ id: z.string(), token: z.string(), settings: z.string() });

export const policyText = z.strictObject({
  config: z.string().max(1_048_576),
  files: z.record(z.string().min(1).max(256), z.string().max(4_194_304)).default({}),
});
export const POLICY_STATES = ['draft', 'proposed', 'rolling', 'halted', 'active', 'replaced', 'withdrawn'] as const;
export const policyRow = z.strictObject({
  version,
  state: z.enum(POLICY_STATES),
  note: z.string(),
  author: z.string(),
  approver: z.string().nullable(),
  created: instant,
  published: instant.nullable(),
  restores: version.nullable(),
  stage: count,
  stage_since: instant.nullable(),
  halt_reason: z.string().nullable(),
  sha256: z.string().nullable(),
});
export type PolicyRow = z.infer<typeof policyRow>;
export const policiesQuery = z.strictObject({
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
export const policiesAnswer = z.strictObject({ policies: z.array(policyRow), next, four_eyes: z.boolean() });
export const policyAnswer = z.strictObject({
  ...policyRow.shape,
  config: z.string(),
  files: z.record(z.string(), z.string()),
});
export const checkAnswer = z.strictObject({
  ok: z.boolean(),
  errors: z.array(policyFault),
  warnings: z.array(policyFault),
});
/** `against` null: the active version. */
export const diffRequest = z.strictObject({ ...policyText.shape, against: version.nullable() });
export const diffAnswer = z.strictObject({
  against: version.nullable(),
  texts: z.array(
    z.strictObject({
      name: z.string(),
      hunks: z.array(
        z.strictObject({
          old_start: count,
          new_start: count,
          lines: z.array(z.strictObject({ kind: z.enum(['same', 'added', 'removed']), text: z.string() })),
        }),
      ),
    }),
  ),
});
export const dryRunRequest = z.strictObject({ ...policyText.shape, days: z.int().min(1).max(90) });
export const dryRunAnswer = z.strictObject({
  rows: count,
  would_block: count,
  would_allow: count,
  unknown: count,
  truncated: z.boolean(),
  from: instant.nullable(),
  by_rule: z.array(z.strictObject({ rule: z.string(), change: z.enum(['block', 'allow']), rows: count })),
  /** Ids for `rows` of the audit search; empty for who may not read it. */
  examples: z.array(count),
});
export const draftRequest = z.strictObject({ ...policyText.shape, note: text(512) });
export const draftAnswer = z.strictObject({ version });
export const publishRequest = z.strictObject({
  /** In percent; absent: the first stage of the settings. 100: to all at once. */
  stage: z.int().min(1).max(100).optional(),
});
export const haltRequest = z.strictObject({ reason: text(256).min(1) });
export const rolloutAnswer = z.strictObject({
  version,
  stage: count,
  verdict: z.enum(['go', 'halt']),
  reason: z.string().nullable(),
  devices: count,
  running: count,
  refused: count,
});

export const orderRow = z.strictObject({
  id: z.string(),
  level: z.enum(KILL_LEVELS),
  target: z.string().nullable(),
  reason: z.string(),
  issued: instant,
  until: instant,
  by: z.string(),
});
export const ordersAnswer = z.strictObject({ orders: z.array(orderRow) });
export const newOrderRequest = z.strictObject({
  level: z.enum(KILL_LEVELS),
  target: text(256).min(1).optional(),
  reason: text(256).min(1),
  /** From now; at most 7 days. */
  minutes: z.int().min(1).max(10_080),
});
export const newOrderAnswer = z.strictObject({ id: z.string() });

export const secretsAnswer = z.strictObject({
  secrets: z.array(z.strictObject({ name: secretName, updated: instant, updated_by: z.string() })),
});
export const secretRequest = z.strictObject({
  value: z.string().regex(/^[!-~]{1,8192}$/, 'must be visible ASCII characters without spaces'),
});

export const alarmRow = z.strictObject({
  id: z.string(),
  kind: z.string(),
  title: z.string(),
  text: z.string(),
  fix: z.string(),
  device: z.string().nullable(),
  device_name: z.string().nullable(),
  count,
  first: instant,
  last: instant,
  state: z.enum(['open', 'acknowledged', 'closed']),
  handled_by: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export const alarmsQuery = z.strictObject({
  state: z.enum(['open', 'acknowledged', 'closed']).optional(),
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
export const alarmsAnswer = z.strictObject({ alarms: z.array(alarmRow), next });

export const userRow = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** `local`, or the issuer that vouches. */
  source: z.string(),
  roles: z.array(role),
  created: instant,
  last_sign_in: instant.nullable(),
  disabled: z.boolean(),
});
export const usersAnswer = z.strictObject({ users: z.array(userRow) });
export const newUserRequest = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  roles: z.array(role).min(1),
});
/** The first password, shown this once. */
export const newUserAnswer = z.strictObject({ id: z.string(), password: z.string() });
export const rolesRequest = z.strictObject({ roles: z.array(role) });
export const disabledRequest = z.strictObject({ disabled: z.boolean() });

/** Settings as JSON; their schema is the control plane's own. */
export const settingsAnswer = z.strictObject({
  org: z.strictObject({ id: orgId, name: text(256) }),
  four_eyes: z.boolean(),
  settings: z.record(z.string(), z.unknown()),
  /** Of these settings as they are stored: whoever changes them says what they were made of. */
  sha256: sha256Hex,
  root: z.strictObject({ number: version, fingerprint: z.string(), expires: instant }),
});
export const settingsRequest = z.strictObject({
  four_eyes: z.boolean().optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  /** `sha256` of the answer that they were made of: `conflict` when others are stored by now. Absent: whatever is stored is replaced. */
  sha256: sha256Hex.optional(),
});

export const holdRow = z.strictObject({
  id: z.string(),
  device: z.string().nullable(),
  from: instant,
  to: instant,
  reason: z.string(),
  created_by: z.string(),
  created: instant,
  released: instant.nullable(),
});
export const holdsAnswer = z.strictObject({ holds: z.array(holdRow) });
export const newHoldRequest = z.strictObject({
  device: deviceId.nullable(),
  from: instant,
  to: instant,
  reason: text(256).min(1),
});
export const newHoldAnswer = z.strictObject({ id: z.string() });

export const doneAnswer = done;
