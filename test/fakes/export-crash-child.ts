// SPDX-License-Identifier: Apache-2.0
// A process that carries one export as a server does. Its receiver may let it be killed. Argument: JSON of ChildOptions.

import { randomBytes } from 'node:crypto';
import type { Context } from '../../src/control-plane/context.ts';
import { openDb } from '../../src/control-plane/db/open.ts';
import { openEvents } from '../../src/control-plane/events/open.ts';
import { runExport } from '../../src/control-plane/exports/run.ts';
import { createSettled } from '../../src/control-plane/exports/settled.ts';
import { settingsOf } from '../../src/control-plane/exports/waiting.ts';
import { openKeys } from '../../src/control-plane/keys/folder.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { silentLog } from '../../src/proxy/log.ts';

export interface ChildOptions {
  readonly url: string;
  readonly folder: string;
  readonly org: string;
  readonly name: string;
}

const { url, folder, org, name }: ChildOptions = JSON.parse(process.argv[2] ?? '{}');
const db = await openDb(url);
const doors = { db, clock: systemClock, log: silentLog, random: randomBytes };
const ctx: Context = { ...doors, keys: openKeys(folder), events: await openEvents(doors) };
const settings = (await settingsOf(db.query, org))?.exports.find((one) => one.name === name);
if (settings === undefined) throw new Error(`no export ${name}`);
const upTo = await createSettled(db).upTo();
await runExport({ ctx, org, settings, upTo, stop: new AbortController().signal });
await ctx.events.close();
await db.close();
