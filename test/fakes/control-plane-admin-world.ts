// SPDX-License-Identifier: Apache-2.0
// An organisation in which there is one of everything that administrators look after, each with the organisation's name in it, and for
// each endpoint a request that makes sense there.

import { randomBytes } from 'node:crypto';
import type { AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import type { RowBody } from '../../src/contract/audit-row.ts';
import type { BatchRow } from '../../src/contract/sync/messages.ts';
import { createUser } from '../../src/control-plane/admin/auth/users.ts';
import { raiseAlarm } from '../../src/control-plane/alarms/raise.ts';
import type { Context } from '../../src/control-plane/context.ts';
import type { Database } from '../../src/control-plane/db/tables.ts';
import { createToken } from '../../src/control-plane/devices/tokens.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { issueKill } from '../../src/control-plane/objects/kills.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { propose, saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { addVersion } from '../../src/control-plane/policies/version.ts';
import { placeHold } from '../../src/control-plane/retention/holds.ts';
import { canonicalJson, EMPTY_CHAIN, linkRow, toHex } from '../../src/protocol/chain.ts';
import { intentBody, outcomeBody, refusalBody } from './audit-rows.ts';
import type { ControlPlane } from './control-plane.ts';
import type { AdminWish } from './control-plane-admin-client.ts';

export interface AdminWorld {
  readonly org: string;
  readonly device: string;
  readonly token: string;
  readonly versions: Readonly<Record<'active' | 'rolling' | 'proposed' | 'draft', number>>;
  readonly order: string;
  readonly secret: string;
  readonly alarm: string;
  readonly user: string;
  readonly hold: string;
  /** Id of an audit row. */
  readonly row: number;
}

const DAY = 86_400_000;
export const config = (name: string): string => `hosts: [{host: ${name}.example.com, action: block}]\n`;

/** Uploads bodies as an epoch of their own. */
export async function upload(ctx: Context, org: string, device: string, bodies: readonly RowBody[]): Promise<void> {
  const epoch = randomBytes(8).toString('hex');
  const rows: BatchRow[] = [];
  let end = EMPTY_CHAIN;
  for (const body of [{ kind: 'epoch', reason: 'first' }, ...bodies]) {
    const row = linkRow(epoch, end, ctx.clock.now(), canonicalJson(body));
    end = row;
    rows.push({ seq: row.seq, at: row.at, hash: toHex(row.hash), body: row.body });
  }
  const after = { seq: 0, hash: toHex(EMPTY_CHAIN.hash) };
  const stored = await storeBatch(ctx, { id: device, org }, { v: 1, epoch, after, rows });
  if (!stored.ok) throw new Error(`the rows were not stored: ${stored.error}`);
}

/** @param skip numbers of versions that are used up before, so that two organisations do not have the same */
export async function populate(plane: ControlPlane, org: string, token: string, skip = 0): Promise<AdminWorld> {
  const { ctx } = plane;
  const actor = { name: `user:${org}-author`, role: 'author' };
  const facts = { name: `${org}-laptop`, serial: `${org}-serial` };
  const device = plane.device({ org, facts });
  await device.enrol(token);
  const app = `${org}-app`;
  await upload(ctx, org, device.id, [
    intentBody(`${org}-1`, { app, model: `${org}-model` }),
    outcomeBody(`${org}-1`),
    { ...refusalBody(`${org}-2`), app },
  ]);
  const save = (name: string) =>
    saveDraft(ctx, org, actor, { config: config(`${org}-${name}`), files: {}, note: `${org} ${name}` });
  const unused = { org, config: '', files: '{}', note: '', author: actor.name, created: 0 };
  for (let count = 0; count < skip; count++) await ctx.db.transaction((tx) => addVersion(tx, unused));
  const versions = {
    active: await save('active'),
    rolling: await save('rolling'),
    proposed: await save('proposed'),
    draft: await save('draft'),
  };
  await publish(ctx, org, actor, versions.active, { stage: 100 });
  await publish(ctx, org, actor, versions.rolling, { stage: 10 });
  await propose(ctx, org, actor, versions.proposed);
  const until = ctx.clock.now() + DAY;
  const order = await issueKill(ctx, org, actor, { level: 'block-app', target: app, reason: `${org} reason`, until });
  const secret = `${org}-secret`;
  await setSecret(ctx, org, actor, secret, 'sk-not-to-be-seen');
  const key = `gap:${device.id}`;
  await ctx.db.transaction((tx) =>
    raiseAlarm(tx, ctx, { org, kind: 'gap', device: device.id, key, detail: { note: `${org} detail` } }),
  );
  const { query } = ctx.db;
  const alarm = await query.selectFrom('alarm').select('id').where('org', '=', org).executeTakeFirstOrThrow();
  const row = await query
    .selectFrom('audit')
    .select('id')
    .where('org', '=', org)
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  const wish = { note: `${org} token`, maxUses: 5, expires: until };
  return {
    org,
    device: device.id,
    token: (await createToken(ctx, org, wish, actor)).id,
    versions,
    order: order.id,
    secret,
    alarm: alarm.id,
    user: (await createUser(ctx, org, actor, { name: `${org}-user`, roles: ['viewer'] })).id,
    hold: await placeHold(ctx, org, { from: 0, to: 1, reason: `${org} hold` }, actor),
    row: row.id,
  };
}

/** What makes sense there, by endpoint. */
export function wishesFor(world: AdminWorld): Readonly<Record<AdminEndpointName, AdminWish>> {
  const { device, token, versions, order, secret, alarm, user, hold, org } = world;
  const text = { config: config(`${org}-new`), files: {} };
  const at = (id: string) => ({ path: { id } });
  const of = (state: keyof typeof versions) => ({ path: { version: versions[state] } });
  return {
    ways: { query: { org } },
    signIn: { query: { org }, body: { name: 'nobody', password: 'x' } },
    oidcStart: { query: { org } },
    oidcCallback: {},
    session: {},
    signOut: {},
    password: { body: { old: 'x', new: 'x'.repeat(12) } },
    overview: {},
    devices: {},
    device: at(device),
    revoke: { ...at(device), body: { reason: 'lost' } },
    reenroll: at(device),
    pinRing: { ...at(device), body: { ring: 'r1' } },
    overrideCode: { ...at(device), body: { minutes: 15 } },
    deviceChain: at(device),
    tokens: {},
    newToken: { body: { note: 'n', max_uses: 1, hours: 1 } },
    revokeToken: at(token),
    policies: {},
    policy: of('active'),
    checkPolicy: { body: text },
    diffPolicy: { body: { ...text, against: versions.active } },
    dryRun: { body: { ...text, days: 1 } },
    saveDraft: { body: { ...text, note: 'a note' } },
    propose: of('draft'),
    withdraw: of('draft'),
    approve: of('proposed'),
    publish: { ...of('proposed'), body: { stage: 100 } },
    advance: of('rolling'),
    halt: { ...of('rolling'), body: { reason: 'bad' } },
    rollback: of('active'),
    rollout: of('rolling'),
    orders: {},
    newOrder: { body: { level: 'block-all-ai', reason: 'r', minutes: 5 } },
    endOrder: at(order),
    secrets: {},
    setSecret: { path: { name: secret }, body: { value: 'sk-other' } },
    removeSecret: { path: { name: secret } },
    audit: {},
    auditExport: {},
    adminLog: {},
    adminLogCheck: {},
    alarms: {},
    acknowledgeAlarm: at(alarm),
    closeAlarm: at(alarm),
    users: {},
    newUser: { body: { name: `new-${randomBytes(4).toString('hex')}`, roles: ['viewer'] } },
    setRoles: { ...at(user), body: { roles: ['auditor'] } },
    setDisabled: { ...at(user), body: { disabled: true } },
    settings: {},
    setSettings: { body: { four_eyes: true, settings: { next_poll_s: 120 } } },
    holds: {},
    newHold: { body: { device, from: 0, to: 1, reason: 'a case' } },
    releaseHold: at(hold),
  };
}

const TABLES = [
  'org',
  'root',
  'policy',
  'bundle',
  'ring',
  'kill',
  'secret',
  'token',
  'device',
  'epoch',
  'audit',
  'device_app',
  'alarm',
  'admin_log',
  'app_user',
  'pending',
  'hold',
  'cursor',
] as const satisfies readonly (keyof Database)[];

/** All that the database has of an organisation but sessions, whose use is written down; as lines in order. */
export async function dump({ db }: Context, org: string, without: readonly string[] = []): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const table of TABLES.filter((one) => !without.includes(one))) {
    const column = table === 'org' ? 'id' : 'org';
    const rows = await db.query.selectFrom(table).selectAll().where(db.query.dynamic.ref(column), '=', org).execute();
    lines.push(...rows.map((row) => `${table} ${JSON.stringify(row)}`).toSorted());
  }
  return lines;
}
