// SPDX-License-Identifier: Apache-2.0
// Sends one made-up row to the receiver of an export, to see whether it takes it. Moves no cursor.

import { VERSION } from '../../proxy/version.ts';
import type { Context } from '../context.ts';
import { Refused } from '../refused.ts';
import type { Facts } from './facts.ts';
import { type Delivery, openReceiver } from './receiver.ts';
import { settingsOf } from './waiting.ts';

/** What the receiver said of it. Refuses where there is no such export. */
export async function tryExport(ctx: Context, org: string, name: string): Promise<Delivery> {
  const settings = (await settingsOf(ctx.db.query, org))?.exports.find((one) => one.name === name);
  if (settings === undefined) throw new Refused('missing', `there is no export ${name}`);
  const receiver = openReceiver(ctx, org, settings);
  try {
    return await receiver.deliver([madeUp(ctx, org, name)]);
  } finally {
    receiver.close();
  }
}

/** Its id is that of no row: `control-plane/test/TIME`. */
function madeUp(ctx: Context, org: string, name: string): Facts {
  const now = ctx.clock.now();
  const device = 'control-plane';
  const nowhere = '0'.repeat(64);
  return {
    id: `${device}/test/${now}`,
    org,
    device: {
      id: device,
      name: 'outpost-control-plane',
      serial: null,
      platform: process.platform,
      os_version: '',
      arch: process.arch,
      agent: VERSION,
      user_name: null,
    },
    epoch: 'test',
    seq: 0,
    at: now,
    received: now,
    hash: nowhere,
    prev: nowhere,
    kind: 'event',
    call: undefined,
    action: undefined,
    end: undefined,
    event: { name: 'export-test', detail: { export: name } },
  };
}
