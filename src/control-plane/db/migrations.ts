// SPDX-License-Identifier: Apache-2.0
// Makes the tables of tables.ts and changes them from version to version. Each step runs once, in order, in one transaction; steps that
// were released are never edited.

import { type Kysely, sql } from 'kysely';
import type { Db } from './open.ts';
import type { Database } from './tables.ts';

type Step = (tx: Kysely<Database>, kind: Db['kind']) => Promise<void>;

/** Any number that no other program's advisory lock uses: "outpost" in base 36, cut to 31 bits. */
const ADVISORY_LOCK = 1_499_402_013;

/** Column types by what they hold. */
const TEXT = 'text';
const WHOLE = 'bigint';

const blob = (kind: Db['kind']) => (kind === 'postgres' ? 'bytea' : 'blob');

const first: Step = async (tx, kind) => {
  const { schema } = tx;
  const bytes = blob(kind);
  await schema
    .createTable('org')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('ring_key', bytes, (c) => c.notNull())
    .addColumn('secrets_number', WHOLE, (c) => c.notNull())
    .addColumn('four_eyes', WHOLE, (c) => c.notNull())
    .addColumn('settings', TEXT, (c) => c.notNull())
    .execute();
  await schema
    .createTable('root')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('number', WHOLE, (c) => c.notNull())
    .addColumn('object', TEXT, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('root_key', ['org', 'number'])
    .execute();
  await schema
    .createTable('policy')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('version', WHOLE, (c) => c.notNull())
    .addColumn('config', TEXT, (c) => c.notNull())
    .addColumn('files', TEXT, (c) => c.notNull())
    .addColumn('note', TEXT, (c) => c.notNull())
    .addColumn('state', TEXT, (c) => c.notNull())
    .addColumn('author', TEXT, (c) => c.notNull())
    .addColumn('approver', TEXT)
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('published', WHOLE)
    .addColumn('restores', WHOLE)
    .addColumn('sha256', TEXT)
    .addColumn('stage', WHOLE, (c) => c.notNull())
    .addColumn('halt_reason', TEXT)
    .addColumn('stage_since', WHOLE)
    .addPrimaryKeyConstraint('policy_key', ['org', 'version'])
    .execute();
  await schema
    .createTable('bundle')
    .addColumn('sha256', TEXT, (c) => c.notNull())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('version', WHOLE, (c) => c.notNull())
    .addColumn('bytes', bytes, (c) => c.notNull())
    .addPrimaryKeyConstraint('bundle_key', ['org', 'sha256'])
    .execute();
  await schema
    .createTable('ring')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('ring', TEXT, (c) => c.notNull())
    .addColumn('upto', WHOLE, (c) => c.notNull())
    .addColumn('seq', WHOLE, (c) => c.notNull())
    .addColumn('version', WHOLE)
    .addColumn('object', TEXT)
    .addColumn('issued', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('ring_pkey', ['org', 'ring'])
    .execute();
  await schema
    .createTable('kill')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('id', TEXT, (c) => c.notNull())
    .addColumn('kill', TEXT, (c) => c.notNull())
    .addColumn('created_by', TEXT, (c) => c.notNull())
    .addColumn('issued', WHOLE, (c) => c.notNull())
    .addColumn('until', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('kill_key', ['org', 'id'])
    .execute();
  await schema
    .createTable('secret')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('sealed', bytes, (c) => c.notNull())
    .addColumn('updated', WHOLE, (c) => c.notNull())
    .addColumn('updated_by', TEXT, (c) => c.notNull())
    .addPrimaryKeyConstraint('secret_key', ['org', 'name'])
    .execute();
  await schema
    .createTable('token')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('hash', TEXT, (c) => c.notNull().unique())
    .addColumn('note', TEXT, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('created_by', TEXT, (c) => c.notNull())
    .addColumn('expires', WHOLE, (c) => c.notNull())
    .addColumn('max_uses', WHOLE, (c) => c.notNull())
    .addColumn('uses', WHOLE, (c) => c.notNull())
    .addColumn('revoked', WHOLE, (c) => c.notNull())
    .execute();
  await devices(tx, kind);
  await auditTables(tx, kind);
  await people(tx);
  if (kind === 'sqlite') await nudges(tx);
};

async function devices({ schema }: Kysely<Database>, kind: Db['kind']): Promise<void> {
  await schema
    .createTable('device')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('kid', TEXT, (c) => c.notNull().unique())
    .addColumn('sign_key', TEXT, (c) => c.notNull())
    .addColumn('seal_key', TEXT, (c) => c.notNull())
    .addColumn('old_kid', TEXT)
    .addColumn('old_sign_key', TEXT)
    .addColumn('old_until', WHOLE)
    .addColumn('override_key', blob(kind), (c) => c.notNull())
    .addColumn('ring', TEXT, (c) => c.notNull())
    .addColumn('ring_pinned', WHOLE, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('platform', TEXT, (c) => c.notNull())
    .addColumn('os_version', TEXT, (c) => c.notNull())
    .addColumn('arch', TEXT, (c) => c.notNull())
    .addColumn('serial', TEXT)
    .addColumn('agent', TEXT, (c) => c.notNull())
    .addColumn('state', TEXT, (c) => c.notNull())
    .addColumn('revoke_reason', TEXT)
    .addColumn('replaces', TEXT)
    .addColumn('token', TEXT, (c) => c.notNull())
    .addColumn('enrolled', WHOLE, (c) => c.notNull())
    .addColumn('last_seen', WHOLE, (c) => c.notNull())
    .addColumn('user_name', TEXT)
    .addColumn('user_groups', TEXT)
    .addColumn('user_until', WHOLE)
    .addColumn('policy_version', WHOLE)
    .addColumn('policy_sha256', TEXT)
    .addColumn('policy_since', WHOLE)
    .addColumn('freshness', TEXT, (c) => c.notNull())
    .addColumn('root', WHOLE, (c) => c.notNull())
    .addColumn('fresh_seq', WHOLE, (c) => c.notNull())
    .addColumn('refused', TEXT)
    .addColumn('refused_version', WHOLE)
    .addColumn('queue_rows', WHOLE, (c) => c.notNull())
    .addColumn('queue_bytes', WHOLE, (c) => c.notNull())
    .addColumn('queue_oldest', WHOLE)
    .addColumn('clock_delta', WHOLE, (c) => c.notNull())
    .addColumn('coverage', TEXT, (c) => c.notNull())
    .addColumn('status', TEXT)
    .addColumn('status_at', WHOLE)
    .execute();
  await schema.createIndex('device_org').on('device').columns(['org', 'name', 'id']).execute();
  await schema.createIndex('device_seen').on('device').columns(['org', 'last_seen']).execute();
  await schema.createIndex('device_old_kid').on('device').column('old_kid').execute();
  await schema.createIndex('device_revoked').on('device').columns(['org', 'revoke_reason']).execute();
  await schema.createIndex('device_serial').on('device').columns(['org', 'serial']).execute();
  await schema
    .createTable('nonce')
    .addColumn('kid', TEXT, (c) => c.notNull())
    .addColumn('nonce', TEXT, (c) => c.notNull())
    .addColumn('at', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('nonce_key', ['kid', 'nonce'])
    .execute();
  await schema.createIndex('nonce_at').on('nonce').column('at').execute();
  await schema
    .createTable('device_app')
    .addColumn('device', TEXT, (c) => c.notNull())
    .addColumn('app', TEXT, (c) => c.notNull())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('first_seen', WHOLE, (c) => c.notNull())
    .addColumn('last_seen', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('device_app_key', ['device', 'app'])
    .execute();
}

async function auditTables(tx: Kysely<Database>, kind: Db['kind']): Promise<void> {
  const { schema } = tx;
  await schema
    .createTable('epoch')
    .addColumn('device', TEXT, (c) => c.notNull())
    .addColumn('epoch', TEXT, (c) => c.notNull())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('seq', WHOLE, (c) => c.notNull())
    .addColumn('hash', TEXT, (c) => c.notNull())
    .addColumn('first_received', WHOLE, (c) => c.notNull())
    .addColumn('last_received', WHOLE, (c) => c.notNull())
    .addColumn('claimed', WHOLE, (c) => c.notNull())
    .addColumn('follows', TEXT)
    .addPrimaryKeyConstraint('epoch_key', ['device', 'epoch'])
    .execute();
  await schema.createIndex('epoch_org').on('epoch').columns(['org', 'last_received']).execute();
  const [id, tail] =
    kind === 'postgres'
      ? ['id bigint GENERATED ALWAYS AS IDENTITY', 'PARTITION BY RANGE (day)']
      : ['id integer PRIMARY KEY AUTOINCREMENT', ''];
  const key = kind === 'postgres' ? 'PRIMARY KEY (device, epoch, seq, day)' : 'UNIQUE (device, epoch, seq)';
  const nullable = ['request', 'decision', 'app', 'provider', 'model', 'host', 'what', 'rule', 'policy', 'body'];
  await sql
    .raw(
      `CREATE TABLE audit (${id}, day bigint NOT NULL, org text NOT NULL, device text NOT NULL, epoch text NOT NULL,
       seq bigint NOT NULL, at bigint NOT NULL, received bigint NOT NULL, prev text NOT NULL, hash text NOT NULL, kind text NOT NULL,
       ${nullable.map((name) => `${name} text`).join(', ')}, input_tokens bigint, output_tokens bigint, ${key}) ${tail}`,
    )
    .execute(tx);
  for (const [name, columns] of [
    ['audit_org', 'org, id'],
    ['audit_device', 'device, id'],
    ['audit_request', 'request'],
    ['audit_decision', 'decision'],
    ['audit_at', 'org, at'],
    // See by-age.ts.
    ...(kind === 'sqlite' ? [['audit_age', 'org, (day + 0)']] : []),
  ]) {
    await sql.raw(`CREATE INDEX ${name} ON audit (${columns})`).execute(tx);
  }
  await schema
    .createTable('alarm')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('kind', TEXT, (c) => c.notNull())
    .addColumn('device', TEXT)
    .addColumn('key', TEXT, (c) => c.notNull())
    .addColumn('detail', TEXT, (c) => c.notNull())
    .addColumn('count', WHOLE, (c) => c.notNull())
    .addColumn('first', WHOLE, (c) => c.notNull())
    .addColumn('last', WHOLE, (c) => c.notNull())
    .addColumn('state', TEXT, (c) => c.notNull())
    .addColumn('handled_by', TEXT)
    .execute();
  // One open alarm for the same trouble.
  await sql.raw(`CREATE UNIQUE INDEX alarm_open ON alarm (org, "key") WHERE state <> 'closed'`).execute(tx);
  await schema
    .createTable('admin_log')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('epoch', TEXT, (c) => c.notNull())
    .addColumn('seq', WHOLE, (c) => c.notNull())
    .addColumn('at', WHOLE, (c) => c.notNull())
    .addColumn('prev', TEXT, (c) => c.notNull())
    .addColumn('hash', TEXT, (c) => c.notNull())
    .addColumn('actor', TEXT, (c) => c.notNull())
    .addColumn('action', TEXT, (c) => c.notNull())
    .addColumn('target', TEXT, (c) => c.notNull())
    .addColumn('body', TEXT, (c) => c.notNull())
    .addPrimaryKeyConstraint('admin_log_key', ['org', 'seq'])
    .execute();
  await schema
    .createTable('hold')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('device', TEXT)
    .addColumn('from_at', WHOLE, (c) => c.notNull())
    .addColumn('to_at', WHOLE, (c) => c.notNull())
    .addColumn('reason', TEXT, (c) => c.notNull())
    .addColumn('created_by', TEXT, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('released', WHOLE)
    .execute();
  await schema
    .createTable('cursor')
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('position', WHOLE, (c) => c.notNull())
    .addColumn('data', TEXT, (c) => c.notNull())
    .addColumn('updated', WHOLE, (c) => c.notNull())
    .addPrimaryKeyConstraint('cursor_key', ['org', 'name'])
    .execute();
}

async function people({ schema }: Kysely<Database>): Promise<void> {
  await schema
    .createTable('app_user')
    .addColumn('id', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('subject', TEXT, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('roles', TEXT, (c) => c.notNull())
    .addColumn('password', TEXT)
    .addColumn('change_password', WHOLE, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('last_sign_in', WHOLE)
    .addColumn('disabled', WHOLE, (c) => c.notNull())
    .addUniqueConstraint('app_user_subject', ['org', 'subject'])
    .addUniqueConstraint('app_user_name', ['org', 'name'])
    .execute();
  await schema
    .createTable('session')
    .addColumn('hash', TEXT, (c) => c.primaryKey())
    .addColumn('user_id', TEXT, (c) => c.notNull())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('created', WHOLE, (c) => c.notNull())
    .addColumn('expires', WHOLE, (c) => c.notNull())
    .addColumn('last_used', WHOLE, (c) => c.notNull())
    .execute();
  await schema.createIndex('session_user').on('session').column('user_id').execute();
  await schema
    .createTable('pending')
    .addColumn('hash', TEXT, (c) => c.primaryKey())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('kind', TEXT, (c) => c.notNull())
    .addColumn('device', TEXT)
    .addColumn('data', TEXT, (c) => c.notNull())
    .addColumn('expires', WHOLE, (c) => c.notNull())
    .execute();
}

async function nudges({ schema }: Kysely<Database>): Promise<void> {
  await schema
    .createTable('nudge')
    // Numbers are never given again: whoever looks remembers the last one.
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('sender', TEXT, (c) => c.notNull())
    .addColumn('org', TEXT, (c) => c.notNull())
    .addColumn('ring', TEXT)
    .addColumn('device', TEXT)
    .addColumn('seq', WHOLE, (c) => c.notNull())
    .addColumn('spread_s', WHOLE, (c) => c.notNull())
    .execute();
}

const STEPS: readonly Step[] = [first];

/** Brings the database to the newest version. A newer one than this program knows is refused: its data might be misread. */
export async function migrate(db: Db): Promise<void> {
  await db.transaction(async (tx) => {
    // Processes that start together wait here; SQLite has its write lock.
    if (db.kind === 'postgres') await sql`SELECT pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(tx);
    await sql`CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)`.execute(tx);
    const found = await sql<{ version: number }>`SELECT version FROM schema_version`.execute(tx);
    const version = Number(found.rows[0]?.version ?? 0);
    if (version > STEPS.length) {
      throw new Error(
        `the database is of version ${version}, this program knows ${STEPS.length}; use the newer program`,
      );
    }
    if (version === STEPS.length) return;
    for (const step of STEPS.slice(version)) await step(tx, db.kind);
    await sql`DELETE FROM schema_version`.execute(tx);
    await sql`INSERT INTO schema_version (version) VALUES (${STEPS.length})`.execute(tx);
  });
}
