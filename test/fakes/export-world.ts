// SPDX-License-Identifier: Apache-2.0
// An organisation with a device whose rows are sent elsewhere: sets its exports as an administrator does, and lets one run.

import type { TestContext } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import { changeSettings } from '../../src/control-plane/admin/org-settings.ts';
import { readAdminLog } from '../../src/control-plane/admin-log/read.ts';
import type { Context } from '../../src/control-plane/context.ts';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { type ExportCursor, readCursor } from '../../src/control-plane/exports/cursor.ts';
import { isDue, runExport } from '../../src/control-plane/exports/run.ts';
import { createSettled } from '../../src/control-plane/exports/settled.ts';
import { exportStates, settingsOf } from '../../src/control-plane/exports/waiting.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { ALICE, ORG, openOrg, type TestOrg } from './control-plane-org.ts';

export interface ExportWorld extends TestOrg {
  readonly device: DeviceTable;
  /** Sets all exports, and what else is given. */
  set(exports: readonly object[], more?: object): Promise<void>;
  /** Time as the test turns it, but waits are real. */
  readonly waiting: Context;
  /** One run, if one is due. False: none was. */
  run(name: string, options?: { readonly ctx?: Context; readonly stop?: AbortSignal }): Promise<boolean>;
  /** Of an export that has begun. */
  cursor(name: string): Promise<ExportCursor>;
  state(name: string): Promise<Awaited<ReturnType<typeof exportStates>>[number]>;
  /** `DEVICE/EPOCH/SEQ` of all rows, in their order. */
  ids(): Promise<readonly string[]>;
  /** Uploads that many events, `note` of which tells them apart. */
  events(count: number): Promise<void>;
  /** Keys of those that are not closed; by default about exports. */
  alarms(about?: string): Promise<readonly string[]>;
  /** What the own chain says of an action, oldest first. */
  acts(action: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export async function openExportWorld(url: string, test: TestContext): Promise<ExportWorld> {
  const org = await openOrg(url, test);
  const { ctx } = org;
  const { query } = ctx.db;
  const device = await org.addDevice({ name: 'laptop-17', serial: 'SN-17', user_name: 'ada@example.com' });
  let uploaded = 0;
  return {
    ...org,
    device,
    waiting: {
      ...ctx,
      clock: {
        now: () => org.clock.now(),
        monotonic: () => org.clock.monotonic(),
        after: systemClock.after,
        every: systemClock.every,
      },
    },
    set: async (exports, more = {}) => await changeSettings(ctx, ORG, ALICE, { settings: { exports, ...more } }),
    async run(name, { ctx: own = ctx, stop = new AbortController().signal } = {}) {
      const settings = (await settingsOf(query, ORG))?.exports.find((one) => one.name === name);
      if (settings === undefined) throw new Error(`no export ${name}`);
      const run = { ctx: own, org: ORG, settings, upTo: await createSettled(own.db).upTo(), stop };
      if (!(await isDue(run))) return false;
      await runExport(run);
      return true;
    },
    async cursor(name) {
      const found = await readCursor(query, { org: ORG, name });
      if (found === undefined) throw new Error(`${name} has not begun`);
      return found;
    },
    async state(name) {
      const found = (await exportStates(ctx, ORG)).find((one) => one.name === name);
      if (found === undefined) throw new Error(`no export ${name}`);
      return found;
    },
    async ids() {
      const rows = await query.selectFrom('audit').select(['device', 'epoch', 'seq']).orderBy('id').execute();
      return rows.map(({ device: of, epoch, seq }) => `${of}/${epoch}/${seq}`);
    },
    async events(count) {
      const bodies = Array.from({ length: count }, (): RowBody => {
        uploaded += 1;
        return { kind: 'event', event: 'started', detail: { note: `event ${uploaded}` } };
      });
      await org.upload(device.id, bodies);
    },
    async alarms(about = 'export-') {
      const rows = await query.selectFrom('alarm').selectAll().where('state', '<>', 'closed').orderBy('key').execute();
      return rows.map(({ key }) => key).filter((key) => key.startsWith(about));
    },
    async acts(action) {
      const { rows } = await readAdminLog(ctx, ORG, { action }, { limit: 100 });
      return rows.map(({ body }) => JSON.parse(body)).toReversed();
    },
  };
}
