// SPDX-License-Identifier: Apache-2.0
// A real control plane in this process, on a fresh database, with one organisation and a token. Several may share a database. Knows
// nothing of what is tested with it.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/contract/clock.ts';
import type { Log, LogFields } from '../../src/contract/log.ts';
import type { Actor } from '../../src/control-plane/actor.ts';
import type { Context } from '../../src/control-plane/context.ts';
import { createToken } from '../../src/control-plane/devices/tokens.ts';
import { createOrg } from '../../src/control-plane/orgs/create.ts';
import { type RunningServer, startServer } from '../../src/control-plane/server.ts';
import { type ServerSettingsInput, serverSettings } from '../../src/control-plane/settings.ts';
import { FakeClock } from './clock.ts';
import { FakeDevice, type FakeDeviceOptions } from './device.ts';

export interface ControlPlaneOptions {
  /** Default: SQLite in a folder that goes with it. */
  readonly database?: string;
  /** Default: a FakeClock. */
  readonly clock?: Clock;
  readonly settings?: Partial<Omit<ServerSettingsInput, 'database' | 'keys_dir'>>;
  /** Settings of the organisation. */
  readonly orgSettings?: unknown;
  /** Another process of the same control plane: same database, keys and organisation. */
  readonly beside?: ControlPlane;
  /** Of the built admin page. */
  readonly pageFolder?: string;
}

export interface LogLine {
  readonly level: keyof Log;
  readonly event: string;
  readonly fields: LogFields;
}

export interface ControlPlane {
  readonly url: string;
  readonly ctx: Context;
  readonly server: RunningServer;
  readonly org: string;
  /** Good for 100,000 devices and thirty days. */
  readonly token: string;
  readonly keysDir: string;
  readonly database: string;
  /** What it made on the disk; goes when it closes, stays when only its server stops. */
  readonly folder: string;
  /** What it logged, oldest first. */
  readonly log: readonly LogLine[];
  /** A device that has not enrolled. */
  device(options?: Partial<FakeDeviceOptions>): FakeDevice;
  /** One that has. */
  enrolled(options?: Partial<FakeDeviceOptions>): Promise<FakeDevice>;
  /** Another organisation, with its token. */
  addOrg(id: string, settings?: unknown): Promise<{ readonly org: string; readonly token: string }>;
  close(): Promise<void>;
}

export const TESTER: Actor = { name: 'user:tester', role: 'admin' };
const DAY = 86_400_000;

function collectLog(lines: LogLine[]): Log {
  const at =
    (level: keyof Log) =>
    (event: string, fields: LogFields = {}): void => {
      lines.push({ level, event, fields });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { clock = new FakeClock(), settings = {}, orgSettings, beside, pageFolder } = options;
  const folder = mkdtempSync(join(tmpdir(), 'outpost-control-plane-'));
  const database = beside?.database ?? options.database ?? `sqlite:${join(folder, 'control-plane.db')}`;
  const keysDir = beside?.keysDir ?? join(folder, 'keys');
  const log: LogLine[] = [];
  const server = await startServer({
    settings: serverSettings.parse({ listen: { port: 0 }, ...settings, database, keys_dir: keysDir }),
    clock,
    log: collectLog(log),
    random: randomBytes,
    ...(pageFolder !== undefined && { pageFolder }),
  });
  const { ctx, url } = server;

  async function addOrg(id: string, wanted?: unknown): Promise<{ readonly org: string; readonly token: string }> {
    await createOrg(ctx, keysDir, { id, name: id, settings: wanted });
    const wish = { note: 'test', maxUses: 100_000, expires: clock.now() + 30 * DAY };
    const { token } = await createToken(ctx, id, wish, TESTER);
    return { org: id, token };
  }

  const { org, token } = beside ?? (await addOrg('acme', orgSettings));
  const device = (own: Partial<FakeDeviceOptions> = {}): FakeDevice => new FakeDevice({ url, org, clock, ...own });
  return {
    url,
    ctx,
    server,
    org,
    token,
    keysDir,
    database,
    folder,
    log,
    device,
    async enrolled(own) {
      const made = device(own);
      await made.enrol(token);
      return made;
    },
    addOrg,
    async close() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
