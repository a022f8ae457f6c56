// SPDX-License-Identifier: Apache-2.0
// The tables of the control plane as types. Types only; migrations.ts makes them. Times are milliseconds since the Unix epoch. Columns
// are text, whole numbers and bytes alone, JSON as text, so that SQLite and PostgreSQL hold the same.

import type { Generated } from 'kysely';

/** 0 or 1: SQLite has no booleans. */
type Flag = 0 | 1;

/** An organisation. All other rows belong to one. */
export interface OrgTable {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  /** 32 random bytes: keys the draw of rings. */
  readonly ring_key: Buffer;
  /** Highest number of its secrets. */
  secrets_number: number;
  /** Must somebody else approve before a version is published? */
  four_eyes: Flag;
  /** OrgSettings as JSON. */
  settings: string;
}

export interface RootTable {
  readonly org: string;
  readonly number: number;
  /** SignedObject as JSON. */
  readonly object: string;
  readonly created: number;
}

/** A version of the policy, from draft to replaced. Text and number never change. */
export interface PolicyTable {
  readonly org: string;
  readonly version: number;
  readonly config: string;
  /** Record of name to text, as JSON. */
  readonly files: string;
  readonly note: string;
  state: 'draft' | 'proposed' | 'rolling' | 'halted' | 'active' | 'replaced' | 'withdrawn';
  readonly author: string;
  approver: string | null;
  readonly created: number;
  published: number | null;
  /** The version whose content this one repeats, of a rollback. */
  readonly restores: number | null;
  /** Of the packed, signed bundle; null until it is published. */
  sha256: string | null;
  /** Share of devices, in percent, up to which it is rolled out. */
  stage: number;
  /** Why it was halted. */
  halt_reason: string | null;
  stage_since: number | null;
}

export interface BundleTable {
  readonly sha256: string;
  readonly org: string;
  readonly version: number;
  readonly bytes: Buffer;
}

/** The freshness document of a ring. */
export interface RingTable {
  readonly org: string;
  readonly ring: string;
  /** Upper end of its share, in percent: 1, 10, 50, 100. */
  readonly upto: number;
  seq: number;
  version: number | null;
  /** SignedObject as JSON; null until first asked for. */
  object: string | null;
  issued: number;
}

export interface KillTable {
  readonly org: string;
  readonly id: string;
  /** A `Kill` as JSON. */
  readonly kill: string;
  readonly created_by: string;
  readonly issued: number;
  /** Ends then; set to now when it is taken back. */
  until: number;
}

/** A value that bundles name. Encrypted with the master key. */
export interface SecretTable {
  readonly org: string;
  readonly name: string;
  sealed: Buffer;
  updated: number;
  updated_by: string;
}

export interface TokenTable {
  /** Public name, `t-…`. */
  readonly id: string;
  readonly org: string;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  readonly note: string;
  readonly created: number;
  readonly created_by: string;
  readonly expires: number;
  readonly max_uses: number;
  uses: number;
  revoked: Flag;
}

export interface DeviceTable {
  readonly id: string;
  readonly org: string;
  /** Thumbprint and JWK of the signing key in force, and of the one before it, good until `old_until`. */
  kid: string;
  sign_key: string;
  seal_key: string;
  old_kid: string | null;
  old_sign_key: string | null;
  old_until: number | null;
  /** 32 bytes, encrypted with the master key: for offline override codes. */
  readonly override_key: Buffer;
  ring: string;
  /** An administrator chose the ring. */
  ring_pinned: Flag;
  name: string;
  platform: string;
  os_version: string;
  arch: string;
  serial: string | null;
  agent: string;
  state: 'active' | 'revoked' | 'replaced' | 'reenroll';
  /** Why revoked; `lost` puts it on the signed list. */
  revoke_reason: string | null;
  /** The device that this one replaces: the same serial enrolled again. */
  readonly replaces: string | null;
  readonly token: string;
  readonly enrolled: number;
  last_seen: number;
  user_name: string | null;
  user_groups: string | null;
  user_until: number | null;
  policy_version: number | null;
  policy_sha256: string | null;
  policy_since: number | null;
  freshness: string;
  root: number;
  fresh_seq: number;
  /** JSON of StatusRequest.candidate; null: nothing is refused. */
  refused: string | null;
  refused_version: number | null;
  queue_rows: number;
  queue_bytes: number;
  queue_oldest: number | null;
  clock_delta: number;
  /** JSON of StatusRequest.coverage. */
  coverage: string;
  /** JSON of all of the last status; null before the first. */
  status: string | null;
  status_at: number | null;
}

/** Nonces of signed requests that change something. */
export interface NonceTable {
  readonly kid: string;
  readonly nonce: string;
  readonly at: number;
}

/** One row per epoch of a device: what makes uploads exactly once. Locked while a batch is stored. */
export interface EpochTable {
  readonly device: string;
  readonly epoch: string;
  readonly org: string;
  seq: number;
  hash: string;
  /** When its first row arrived: where in the days to look for its rows. */
  readonly first_received: number;
  last_received: number;
  /** Highest seq that the device said it ever gave. */
  claimed: number;
  /** The epoch that its first row names as the one before; null: none, or that row is not here. */
  follows: string | null;
}

/** Rows of all devices. PostgreSQL: partitioned by `day`. Key: device, epoch, seq (PostgreSQL: and day). */
export interface AuditTable {
  /** Rises with arrival; for paging. */
  readonly id: Generated<number>;
  /** Days since the Unix epoch, of arrival. */
  readonly day: number;
  readonly org: string;
  readonly device: string;
  readonly epoch: string;
  readonly seq: number;
  /** Device clock. */
  readonly at: number;
  readonly received: number;
  /** Hash of the row before it: without it a row whose neighbour was deleted could not be checked. */
  readonly prev: string;
  readonly hash: string;
  readonly kind: string;
  readonly request: string | null;
  readonly decision: string | null;
  readonly app: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly host: string | null;
  /** allow, block; result of an outcome; reason of a gap; name of an event. */
  readonly what: string | null;
  readonly rule: string | null;
  readonly policy: string | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  /** Canonical text; null: quarantined. */
  readonly body: string | null;
}

/** Apps seen on a device. */
export interface DeviceAppTable {
  readonly device: string;
  readonly app: string;
  readonly org: string;
  readonly first_seen: number;
  last_seen: number;
}

export interface AlarmTable {
  readonly id: string;
  readonly org: string;
  readonly kind: string;
  readonly device: string | null;
  /** Same key: the same trouble; counted, not repeated. */
  readonly key: string;
  detail: string;
  count: number;
  readonly first: number;
  last: number;
  state: 'open' | 'acknowledged' | 'closed';
  handled_by: string | null;
}

/** The control plane's own chain: AdminBody rows. */
export interface AdminLogTable {
  readonly org: string;
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
  readonly prev: string;
  readonly hash: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly body: string;
}

export interface UserTable {
  readonly id: string;
  readonly org: string;
  /** `local:NAME` or `oidc:ISSUER SUB`. */
  readonly subject: string;
  /** Nobody else's in the organisation, and never changed: what the log says of somebody holds for ever. */
  readonly name: string;
  /** `Role`s with commas between them. */
  roles: string;
  /** scrypt; null: signs in elsewhere. */
  password: string | null;
  /** The password was made by the program and must be changed. */
  change_password: Flag;
  readonly created: number;
  last_sign_in: number | null;
  disabled: Flag;
}

export interface SessionTable {
  /** SHA-256 of the cookie. */
  readonly hash: string;
  readonly user_id: string;
  readonly org: string;
  readonly created: number;
  expires: number;
  last_used: number;
}

/** What goes on between two requests of a sign-in: OIDC state, of people and of devices. */
export interface PendingTable {
  /** SHA-256 of the state. */
  readonly hash: string;
  readonly org: string;
  readonly kind: 'admin' | 'bind';
  /** Device, of a bind. */
  readonly device: string | null;
  readonly data: string;
  readonly expires: number;
}

/** Legal hold: rows that retention passes over. */
export interface HoldTable {
  readonly id: string;
  readonly org: string;
  readonly device: string | null;
  readonly from_at: number;
  readonly to_at: number;
  readonly reason: string;
  readonly created_by: string;
  readonly created: number;
  released: number | null;
}

/** Where an export stands, and the digests of each hour. */
export interface CursorTable {
  readonly org: string;
  readonly name: string;
  position: number;
  data: string;
  updated: number;
}

/** What processes that share an SQLite file tell each other; PostgreSQL has NOTIFY, and not this table. */
export interface NudgeTable {
  readonly id: Generated<number>;
  /** Random, of a process. */
  readonly sender: string;
  readonly org: string;
  readonly ring: string | null;
  readonly device: string | null;
  readonly seq: number;
  readonly spread_s: number;
}

export interface Database {
  org: OrgTable;
  root: RootTable;
  policy: PolicyTable;
  bundle: BundleTable;
  ring: RingTable;
  kill: KillTable;
  secret: SecretTable;
  token: TokenTable;
  device: DeviceTable;
  nonce: NonceTable;
  epoch: EpochTable;
  audit: AuditTable;
  device_app: DeviceAppTable;
  alarm: AlarmTable;
  admin_log: AdminLogTable;
  app_user: UserTable;
  session: SessionTable;
  pending: PendingTable;
  hold: HoldTable;
  cursor: CursorTable;
  nudge: NudgeTable;
}
