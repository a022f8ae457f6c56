// SPDX-License-Identifier: Apache-2.0
// What the table says of a device that has reported nothing yet. Values only.

import type { DeviceTable } from '../db/tables.ts';

export const UNHEARD = {
  old_kid: null,
  old_sign_key: null,
  old_until: null,
  ring_pinned: 0,
  state: 'active',
  revoke_reason: null,
  user_name: null,
  user_groups: null,
  user_until: null,
  policy_version: null,
  policy_sha256: null,
  policy_since: null,
  freshness: 'none',
  root: 0,
  fresh_seq: 0,
  refused: null,
  refused_version: null,
  queue_rows: 0,
  queue_bytes: 0,
  queue_oldest: null,
  clock_delta: 0,
  coverage: '{}',
  status: null,
  status_at: null,
} as const satisfies Partial<DeviceTable>;
