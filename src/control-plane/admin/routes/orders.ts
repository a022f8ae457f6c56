// SPDX-License-Identifier: Apache-2.0
// Endpoints about orders that hold at once, and about the values that policies name.

import type { z } from 'zod';
import type { newOrderRequest } from '../../../contract/admin/messages.ts';
import type { Context } from '../../context.ts';
import { endKill, issueKill, type NewKill } from '../../objects/kills.ts';
import { listSecrets, removeSecret, setSecret } from '../../objects/secrets.ts';
import { Refused } from '../../refused.ts';
import { listOrders } from '../orders.ts';
import { type AdminHandlers, DONE } from './call.ts';

type Names = 'orders' | 'newOrder' | 'endOrder' | 'secrets' | 'setSecret' | 'removeSecret';

const MINUTE = 60_000;

export function orderHandlers(ctx: Context): AdminHandlers<Names> {
  return {
    async orders({ org }) {
      return { orders: await listOrders(ctx, org) };
    },

    async newOrder({ org, actor, body }) {
      const { id } = await issueKill(ctx, org, actor, wanted(body, ctx.clock.now()));
      return { id };
    },

    async endOrder({ org, actor, path: { id } }) {
      await endKill(ctx, org, actor, id);
      return DONE;
    },

    async secrets({ org }) {
      const secrets = await listSecrets(ctx.db.query, org);
      return { secrets: secrets.map(({ name, updated, updated_by }) => ({ name, updated, updated_by })) };
    },

    async setSecret({ org, actor, path: { name }, body: { value } }) {
      await setSecret(ctx, org, actor, name, value);
      return DONE;
    },

    async removeSecret({ org, actor, path: { name } }) {
      await removeSecret(ctx, org, actor, name);
      return DONE;
    },
  };
}

function wanted({ level, target, reason, minutes }: z.output<typeof newOrderRequest>, now: number): NewKill {
  const until = now + minutes * MINUTE;
  if (level === 'block-provider' || level === 'block-app') {
    if (target === undefined) throw new Refused('invalid', `target: ${level} needs to know which`);
    return { level, target, reason, until };
  }
  if (target !== undefined) throw new Refused('invalid', `target: ${level} has none`);
  return { level, reason, until };
}
