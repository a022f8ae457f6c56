// SPDX-License-Identifier: Apache-2.0
// The wiring of the server process: opens what the rooms need, registers their endpoints, and ends everything in order.

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import { forgetOldSessions } from './admin/auth/sessions.ts';
import { registerAdmin } from './admin/register.ts';
import type { Context } from './context.ts';
import { oneAtATime } from './db/one-at-a-time.ts';
import { openDb } from './db/open.ts';
import { forgetOldSignIns } from './devices/bind.ts';
import { createLastSeen } from './devices/last-seen.ts';
import { createDeviceLookup } from './devices/lookup.ts';
import { createOidc } from './devices/oidc.ts';
import { openEvents } from './events/open.ts';
import { digestPlaces } from './exports/bucket.ts';
import { startExports } from './exports/start.ts';
import { exportedUpTo } from './exports/waiting.ts';
import { createApp } from './http/app.ts';
import { bindRoutes } from './http/bind-routes.ts';
import { createDeviceDoor } from './http/device-auth.ts';
import { deviceRoutes } from './http/device-routes.ts';
import { forgetOldNonces } from './http/nonces.ts';
import { objectRoutes } from './http/object-routes.ts';
import { streamRoutes } from './http/stream-routes.ts';
import { createStreams, type Streams } from './http/streams.ts';
import { prepareSyncScope } from './http/sync-scope.ts';
import { ensureDays } from './ingest/day-partitions.ts';
import { ingestRoutes } from './ingest/routes.ts';
import { openKeys } from './keys/folder.ts';
import { superviseRollouts } from './policies/supervise.ts';
import { digestFolder } from './retention/digest-folder.ts';
import { startUpkeep, type Upkeep } from './retention/upkeep.ts';
import type { ServerSettings } from './settings.ts';

export interface ServerOptions {
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: (bytes: number) => Buffer;
  /** Of the built admin page; for tests. */
  readonly pageFolder?: string;
}

export interface RunningServer {
  readonly ctx: Context;
  readonly app: FastifyInstance;
  /** Where it listens, as a URL. */
  readonly url: string;
  /** Event streams that are open. */
  streams(): number;
  /** Lets requests that are under way end, then closes everything. */
  stop(): Promise<void>;
}

/** Milliseconds between two rounds of tidying and of looking after roll-outs. */
const TIDY_EVERY = 60_000;
/** Milliseconds that requests have to end when the server stops. */
const DRAIN = 20_000;
/** Connections that may wait to be accepted: after an order thousands come at once. Node's 511 resets most of them; Linux allows 4,096. */
const BACKLOG = 4_096;

/** Resolves when it serves. */
export async function startServer({ settings, clock, log, random, pageFolder }: ServerOptions): Promise<RunningServer> {
  const keys = openKeys(settings.keys_dir);
  const db = await openDb(settings.database);
  // In reverse order at the end, also of a start that failed.
  const closers: (() => Promise<void> | void)[] = [() => db.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const events = await openEvents({ db, clock, log, random });
    closers.push(() => events.close());
    const ctx: Context = { db, keys, clock, log, events, random };
    const streams = createStreams(ctx, settings.limits.streams);
    // Before rows come: on PostgreSQL their days must be there.
    await ensureDays(ctx);
    const upkeep = openUpkeep(ctx, settings);
    closers.push(() => upkeep.close());
    const app = await createServer(ctx, settings, streams, closers, pageFolder);
    await app.listen({ host: settings.listen.host, port: settings.listen.port, backlog: BACKLOG });
    // Behind that: a round deletes rows and speaks to buckets, which may take minutes.
    void upkeep.run();
    return { ctx, app, url: urlOf(app, settings), streams: streams.count, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function createServer(
  ctx: Context,
  settings: ServerSettings,
  streams: Streams,
  closers: (() => Promise<void> | void)[],
  pageFolder: string | undefined,
): Promise<FastifyInstance> {
  const { tls, public_url, trust_proxy, limits } = settings;
  const lastSeen = createLastSeen(ctx);
  closers.push(() => lastSeen.close());
  const devices = createDeviceLookup(ctx);
  closers.push(() => devices.close());
  closers.push(() => streams.close());
  closers.push(startTidying(ctx));
  const exports = startExports(ctx);
  closers.push(() => exports.close());
  const app = await createApp(ctx, {
    tls: tls === undefined ? undefined : { cert: readFileSync(tls.cert_file), key: readFileSync(tls.key_file) },
    trustProxy: trust_proxy,
    requestsPerMinute: limits.requests_per_minute,
  });
  closers.push(() => closeApp(app, ctx.clock));

  const publicUrl = public_url === undefined ? undefined : new URL(public_url);
  const oidc = createOidc(ctx);
  const door = createDeviceDoor(ctx, { publicUrl, devices, seen: lastSeen.seen });
  await app.register(async (scope) => {
    prepareSyncScope(scope);
    objectRoutes(scope, ctx, door);
    deviceRoutes(scope, ctx, { door, devices, enrolmentsPerMinute: limits.enrolments_per_minute });
    ingestRoutes(scope, ctx, door.auth);
    bindRoutes(scope, ctx, door, oidc);
    streamRoutes(scope, door, streams);
  });
  await registerAdmin(app, ctx, { publicUrl, oidc, ...(pageFolder !== undefined && { pageFolder }) });
  return app;
}

function openUpkeep(ctx: Context, { digests_dir }: ServerSettings): Upkeep {
  return startUpkeep(ctx, {
    digestPlace: digestPlaces(ctx, digests_dir === undefined ? undefined : digestFolder(ctx, digests_dir)),
    exportedUpTo: (org) => exportedUpTo(ctx, org),
  });
}

/** Returns what ends it. */
function startTidying(ctx: Context): () => Promise<void> {
  let round: Promise<unknown> | undefined;
  const tidy = async (): Promise<void> => {
    try {
      const rollouts = oneAtATime(ctx.db, 'rollouts', () => superviseRollouts(ctx));
      await Promise.all([forgetOldNonces(ctx), forgetOldSignIns(ctx), forgetOldSessions(ctx), rollouts]);
    } catch (error) {
      ctx.log.warn('tidying', { error: error instanceof Error ? error.message : String(error) });
    }
  };
  const timer = ctx.clock.every(TIDY_EVERY, () => {
    // A slow database must not gather rounds.
    round ??= tidy().finally(() => {
      round = undefined;
    });
  });
  return async () => {
    timer.clear();
    await round;
  };
}

async function closeApp(app: FastifyInstance, clock: Clock): Promise<void> {
  const patience = clock.after(DRAIN, () => app.server.closeAllConnections());
  try {
    await app.close();
  } finally {
    patience.clear();
  }
}

function urlOf(app: FastifyInstance, { tls, listen }: ServerSettings): string {
  const { port } = app.server.address() as AddressInfo;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
}
