// SPDX-License-Identifier: Apache-2.0
// A real control plane in a process of its own, with as many enrolled devices as are wanted: started, asked and measured by plane.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { freshDocument } from '../../src/control-plane/objects/fresh.ts';
import { issueKill, type NewKill } from '../../src/control-plane/objects/kills.ts';
import { rootFingerprint } from '../../src/control-plane/orgs/root-store.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { ringOf } from '../../src/control-plane/policies/rings.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { makeSelfSigned } from '../fakes/pki.ts';
import { given, machineTime, serve } from './child.ts';
import { numberedDevice } from './device-keys.ts';
import type { Memory, Ordered, PlaneGiven, PlaneReady } from './plane.ts';

const { devices, database, orgSettings, tls = false } = given<PlaneGiven>();
const folder = mkdtempSync(join(tmpdir(), 'outpost-plane-'));
// All come from one address here.
const limits = { enrolments_per_minute: 1_000_000, requests_per_minute: 10_000_000 };
const front = await startControlPlane({
  clock: systemClock,
  ...(database === undefined ? {} : { database }),
  orgSettings: orgSettings ?? {},
  settings: { limits },
});
// A device to copy, enrolled without TLS.
const pattern = await front.enrolled();
const plane = tls ? await overTls() : front;
const { ctx, org } = plane;
const rings = await enrolMany();

/** The same control plane behind TLS, in place of the one in front: on SQLite two would wait for each other's locks. */
async function overTls(): Promise<typeof front> {
  const { cert, key } = makeSelfSigned({ names: ['127.0.0.1'] });
  const files = { cert_file: join(folder, 'cert.pem'), key_file: join(folder, 'key.pem') };
  writeFileSync(files.cert_file, cert, { mode: 0o600 });
  writeFileSync(files.key_file, key, { mode: 0o600 });
  await front.server.stop();
  return await startControlPlane({ beside: front, clock: systemClock, settings: { limits, tls: files } });
}

/** As enrolment leaves them, in one go; by number. */
async function enrolMany(): Promise<readonly string[]> {
  const { query } = ctx.db;
  const like = await query.selectFrom('device').selectAll().where('id', '=', pattern.id).executeTakeFirstOrThrow();
  const { ring_key } = await query.selectFrom('org').select('ring_key').where('id', '=', org).executeTakeFirstOrThrow();
  const rows = Array.from({ length: devices }, (_, number): DeviceTable => {
    const device = numberedDevice(number);
    const ring = ringOf(ring_key, device.id);
    return { ...like, id: device.id, kid: device.kid, sign_key: device.signKey, ring };
  });
  await ctx.db.transaction(async (tx) => {
    for (let at = 0; at < rows.length; at += 200) {
      await tx
        .insertInto('device')
        .values(rows.slice(at, at + 200))
        .execute();
    }
  });
  return rows.map(({ ring }) => ring);
}

const ready: PlaneReady = {
  url: plane.url,
  org,
  token: front.token,
  root: await rootFingerprint(ctx, org),
  rings,
};

serve(
  ready,
  {
    publish: async (config: string) => {
      const version = await saveDraft(ctx, org, TESTER, { config, files: {}, note: 'bench' });
      await publish(ctx, org, TESTER, version, { stage: 100 });
      return version;
    },
    kill: async (): Promise<Ordered> => {
      const at = machineTime();
      const wanted: NewKill = { level: 'block-all-ai', reason: 'a drill', until: ctx.clock.now() + 600_000 };
      await issueKill(ctx, org, TESTER, wanted);
      return { at, done: machineTime() };
    },
    streams: () => plane.server.streams(),
    document: async (ring: string) => {
      const document = await freshDocument(ctx, org, ring);
      return { etag: document?.etag ?? '', bytes: Buffer.byteLength(document?.body ?? '') };
    },
    rows: async () => {
      const counted = await ctx.db.query
        .selectFrom('audit')
        .select(sql<number>`count(*)`.as('count'))
        .executeTakeFirstOrThrow();
      return Number(counted.count);
    },
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    memory: (): Memory => {
      globalThis.gc?.();
      const { heapUsed, rss } = process.memoryUsage();
      return { heap: heapUsed, rss };
    },
  },
  async () => {
    await plane.close();
    if (plane !== front) await front.close();
    rmSync(folder, { recursive: true, force: true });
  },
);
