// SPDX-License-Identifier: Apache-2.0
// Passes over the row that an export is stuck at, on somebody's word: for one that its receiver will never take and that does not get
// passed over by itself (run.ts). It is in the log.

import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { Refused } from '../refused.ts';
import { moveCursor, readCursor } from './cursor.ts';
import { oldestWaiting, settingsOf } from './waiting.ts';

/** Returns the row's id. Refuses while the export has no trouble. */
export async function skipRow(ctx: Context, org: string, actor: Actor, name: string): Promise<number> {
  return await ctx.db.transaction(async (tx) => {
    const settings = (await settingsOf(tx, org))?.exports.find((one) => one.name === name);
    if (settings === undefined) throw new Refused('missing', `there is no export ${name}`);
    const cursor = await readCursor(tx, { org, name });
    const stuck = cursor === undefined ? undefined : await oldestWaiting(tx, ctx, org, cursor, settings);
    if (cursor === undefined || stuck === undefined || cursor.problem === null)
      throw new Refused('conflict', `export ${name} is not stuck`);
    const { id, day } = stuck;
    const free = { ...cursor, position: id, day, failures: 0, next: 0, problem: null, since: null };
    if (!(await moveCursor(tx, { org, name }, cursor.position, free, ctx.clock.now())))
      throw new Refused('conflict', `export ${name} has gone on`);
    const about = { row: id, problem: cursor.problem };
    await recordAdmin(tx, ctx, org, done(actor, 'export.skip', `export:${name}`, about));
    return id;
  });
}
