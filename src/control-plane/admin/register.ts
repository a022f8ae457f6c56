// SPDX-License-Identifier: Apache-2.0
// Puts the admin side on the server: the API, and the page that uses it. What administrators may do is the services'; here it is only
// brought to them.

import fastifyCookie from '@fastify/cookie';
import type { FastifyInstance } from 'fastify';
import { ADMIN_API } from '../../contract/admin/endpoints.ts';
import type { Context } from '../context.ts';
import type { Oidc } from '../devices/oidc.ts';
import { AdminError } from './admin-error.ts';
import { createCookies } from './auth/cookies.ts';
import { createOverview } from './overview.ts';
import { PAGE_FOLDER, servePage } from './page.ts';
import { auditHandlers } from './routes/audit.ts';
import { deviceHandlers } from './routes/devices.ts';
import { orderHandlers } from './routes/orders.ts';
import { peopleHandlers } from './routes/people.ts';
import { policyHandlers } from './routes/policies.ts';
import { registerEndpoints } from './routes/register.ts';
import { sessionHandlers } from './routes/session.ts';
import { createOriginOf, prepareAdminScope, sendError } from './scope.ts';

export interface AdminOptions {
  /** What browsers call the server; undefined: the Host that they send. */
  readonly publicUrl: URL | undefined;
  readonly oidc: Oidc;
  /** Of the built page; for tests. */
  readonly pageFolder?: string;
}

export async function registerAdmin(
  app: FastifyInstance,
  ctx: Context,
  { publicUrl, oidc, pageFolder = PAGE_FOLDER }: AdminOptions,
): Promise<void> {
  const originOf = createOriginOf(publicUrl);
  const cookies = createCookies((request) => originOf(request).startsWith('https:'));
  const handlers = {
    ...sessionHandlers(ctx, { cookies, oidc, originOf }),
    ...deviceHandlers(ctx, { originOf }),
    ...policyHandlers(ctx),
    ...orderHandlers(ctx),
    ...auditHandlers(ctx),
    ...peopleHandlers(ctx, createOverview(ctx)),
  };
  await app.register(
    async (scope) => {
      await scope.register(fastifyCookie);
      prepareAdminScope(scope, ctx, originOf);
      registerEndpoints(scope, ctx, { handlers, cookies });
      scope.setNotFoundHandler({ preHandler: scope.rateLimit() }, (request, reply) =>
        sendError(ctx, request, reply, new AdminError('missing', 'there is nothing at this address')),
      );
    },
    { prefix: ADMIN_API },
  );
  await app.register(async (scope) => servePage(scope, ctx, pageFolder), { prefix: '/admin' });
}
