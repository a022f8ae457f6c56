// SPDX-License-Identifier: Apache-2.0
// Endpoints for signing in and out.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ADMIN_API } from '../../../contract/admin/endpoints.ts';
import type { Context } from '../../context.ts';
import type { Oidc } from '../../devices/oidc.ts';
import { createAttempts } from '../auth/attempts.ts';
import { BINDING, type Cookies, SESSION } from '../auth/cookies.ts';
import { changePassword, signInLocally } from '../auth/local-sign-in.ts';
import { finishOidc, OidcRefusal, offersOidc, startOidc } from '../auth/oidc-sign-in.ts';
import { namedOrg } from '../auth/organisation.ts';
import { endSession, findSession, type Session } from '../auth/sessions.ts';
import { sendFailurePage } from '../failure-page.ts';
import type { OriginOf } from '../scope.ts';
import { type AdminHandlers, DONE } from './call.ts';

const CALLBACK = `${ADMIN_API}/oidc/callback`;
/** The page itself asks for nothing: what it then asks for comes from this site, and so with the session's cookie. */
const PAGE = '/admin/';

type Names = 'ways' | 'signIn' | 'oidcStart' | 'oidcCallback' | 'session' | 'signOut' | 'password';

export function sessionHandlers(
  ctx: Context,
  { cookies, oidc, originOf }: { readonly cookies: Cookies; readonly oidc: Oidc; readonly originOf: OriginOf },
): AdminHandlers<Names> {
  const attempts = createAttempts(ctx.clock);

  /** Whoever had the browser before is out. */
  const enter = async (request: FastifyRequest, reply: FastifyReply, token: string): Promise<void> => {
    const before = cookies.read(request, SESSION);
    if (before !== undefined) await endSession(ctx.db.query, before);
    cookies.set(request, reply, SESSION, token);
  };

  return {
    async ways({ query }) {
      const org = await namedOrg(ctx, query.org);
      const local = await ctx.db.query
        .selectFrom('app_user')
        .select('id')
        .where('org', '=', org.id)
        .where('password', 'is not', null)
        .where('disabled', '=', 0)
        .limit(1)
        .executeTakeFirst();
      return { org: org.id, name: org.name, local: local !== undefined, oidc: offersOidc(org) };
    },

    async signIn({ request, reply, query, body }) {
      const { id } = await namedOrg(ctx, query.org);
      const token = await signInLocally(ctx, attempts, id, { ...body, address: request.ip });
      await enter(request, reply, token);
      const session = await findSession(ctx, token);
      if (session === undefined) throw new Error('a session ended as it began');
      return shown(session);
    },

    async oidcStart({ request, reply, query }) {
      try {
        const org = await namedOrg(ctx, query.org);
        const redirectUri = `${originOf(request)}${CALLBACK}`;
        const { url, binding } = await startOidc(ctx, oidc, org, { redirectUri });
        cookies.set(request, reply, BINDING, binding);
        return reply.redirect(url, 302);
      } catch (error) {
        if (error instanceof OidcRefusal) return sendFailurePage(reply, error.why);
        throw error;
      }
    },

    async oidcCallback({ request, reply, query }) {
      cookies.clear(request, reply, BINDING);
      try {
        const token = await finishOidc(ctx, oidc, {
          state: textIn(query, 'state'),
          code: textIn(query, 'code'),
          iss: textIn(query, 'iss'),
          error: textIn(query, 'error'),
          binding: cookies.read(request, BINDING),
        });
        await enter(request, reply, token);
        return reply.redirect(PAGE, 303);
      } catch (error) {
        if (error instanceof OidcRefusal) return sendFailurePage(reply, error.why);
        throw error;
      }
    },

    async session({ session }) {
      return shown(session);
    },

    async signOut({ request, reply }) {
      await endSession(ctx.db.query, cookies.read(request, SESSION) ?? '');
      cookies.clear(request, reply, SESSION);
      return DONE;
    },

    async password({ request, reply, session, body }) {
      const token = await changePassword(ctx, attempts, session, { ...body, address: request.ip });
      cookies.set(request, reply, SESSION, token);
      return DONE;
    },
  };
}

function shown({ org, user, expires, changePassword: change_password }: Session) {
  return { org, user: { ...user, roles: [...user.roles] }, expires, change_password };
}

function textIn(query: unknown, name: string): string | null {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : null;
}
