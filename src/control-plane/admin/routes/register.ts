// SPDX-License-Identifier: Apache-2.0
// Registers every endpoint of the table in one way: who asks, whether they may, what they say, then the handler. Knows no endpoint.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Permission, permits } from '../../../contract/admin/access.ts';
import { ADMIN_ENDPOINTS, type AdminEndpoint, type AdminEndpointName } from '../../../contract/admin/endpoints.ts';
import { LIMITS, secretName } from '../../../contract/sync/words.ts';
import { refused } from '../../actor.ts';
import { recordAdmin } from '../../admin-log/record.ts';
import type { Context } from '../../context.ts';
import { createWindows } from '../../http/rate-limit.ts';
import { routePath } from '../../http/route-path.ts';
import { Refused } from '../../refused.ts';
import { AdminError } from '../admin-error.ts';
import { type Cookies, SESSION } from '../auth/cookies.ts';
import { actorOf } from '../auth/local-sign-in.ts';
import { rolesText } from '../auth/roles.ts';
import { findSession } from '../auth/sessions.ts';
import { ACTIONS } from './actions.ts';
import type { AdminHandlers, Visitor } from './call.ts';

const MINUTE = 60_000;
/** Requests of one person within a minute: 10 s⁻¹, which no page needs, and no program that turns pages. */
const MOST_OF_ONE = 600;
/** Requests of one address within a minute to where nobody is signed in yet. */
const MOST_SIGN_INS = 30;

/** Whose bodies carry a policy; as large as devices take one. */
const LARGE: ReadonlySet<AdminEndpointName> = new Set(['checkPolicy', 'diffPolicy', 'dryRun', 'saveDraft']);
const LIMITED: ReadonlySet<AdminEndpointName> = new Set(['signIn', 'oidcStart', 'oidcCallback']);

const PARTS: Readonly<Record<string, z.ZodType>> = {
  id: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/),
  version: z
    .string()
    .regex(/^[1-9]\d{0,8}$/)
    .transform(Number),
  name: secretName,
};
const NOTHING = z.strictObject({});
/** Providers add to the address what they like. */
const ANYTHING = z.looseObject({});

interface AnyCall extends Partial<Visitor> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: unknown;
  readonly body: unknown;
}

export function registerEndpoints(
  scope: FastifyInstance,
  ctx: Context,
  { handlers, cookies }: { readonly handlers: AdminHandlers; readonly cookies: Cookies },
): void {
  const byPerson = createWindows(ctx.clock);
  const visitors = new WeakMap<FastifyRequest, Visitor>();

  const visitorOf = async (request: FastifyRequest): Promise<Visitor> => {
    const token = cookies.read(request, SESSION);
    const session = token === undefined ? undefined : await findSession(ctx, token);
    if (session === undefined) throw new AdminError('signed-out', 'sign in first');
    const { current, ttl } = byPerson.count(session.user.id, MINUTE);
    if (current > MOST_OF_ONE) {
      throw new AdminError('rate', 'too many requests; wait a little', { retryAfter: Math.ceil(ttl / 1000) });
    }
    const { name, roles } = session.user;
    return { session, org: session.org.id, actor: actorOf({ name, roles: rolesText(roles) }) };
  };

  for (const [key, endpoint] of Object.entries<AdminEndpoint>(ADMIN_ENDPOINTS)) {
    const name = key as AdminEndpointName;
    const { method, permission } = endpoint;
    const handler = handlers[name] as unknown as (call: AnyCall) => Promise<unknown>;

    scope.route({
      method,
      url: routePath(endpoint.path),
      bodyLimit: LARGE.has(name) ? LIMITS.bundleText : LIMITS.request,
      ...(LIMITED.has(name) && { config: { rateLimit: { max: MOST_SIGN_INS, timeWindow: MINUTE } } }),
      // Before the body is read: whoever may not ask does not make us read it.
      onRequest: async (request) => {
        if (permission === 'public') return;
        const visitor = await visitorOf(request);
        visitors.set(request, visitor);
        if (permission !== 'session') await mustBePermitted(ctx, visitor, permission, name, request);
      },
      handler: async (request, reply) => {
        const visitor = visitors.get(request);
        const path = partsOf(request.params);
        const query = parsed(endpoint.query ?? (endpoint.answer === 'redirect' ? ANYTHING : NOTHING), request.query);
        const body = parsed(
          endpoint.request ?? NOTHING,
          request.body ?? (endpoint.request === undefined ? {} : undefined),
        );
        try {
          return await handler({ ...visitor, request, reply, path, query, body });
        } catch (error) {
          if (visitor !== undefined && error instanceof Refused && error.why === 'forbidden') {
            await recordRefusal(ctx, visitor, name, request, error.message);
          }
          throw error;
        }
      },
    });
  }
}

async function mustBePermitted(
  ctx: Context,
  visitor: Visitor,
  permission: Permission,
  name: AdminEndpointName,
  request: FastifyRequest,
): Promise<void> {
  if (visitor.session.changePassword)
    throw new AdminError('forbidden', 'change the first password before anything else');
  if (permits(visitor.session.user.roles, permission)) return;
  const why = `this needs the permission ${permission}`;
  await recordRefusal(ctx, visitor, name, request, why);
  throw new AdminError('forbidden', why);
}

/** Changes that somebody was not allowed to make stand in the log as well. */
async function recordRefusal(
  ctx: Context,
  { org, actor }: Visitor,
  name: AdminEndpointName,
  { params }: FastifyRequest,
  why: string,
): Promise<void> {
  const action = ACTIONS[name];
  if (action === undefined) return;
  await ctx.db.transaction((tx) =>
    recordAdmin(tx, ctx, org, refused(actor, action, targetOf(org, action, params), { why: why.slice(0, 256) })),
  );
}

/** `policy:12` of `policy.approve` and 12. The part of the path is not checked yet: what it cannot be is left out. */
function targetOf(org: string, action: string, params: unknown): string {
  const [part] = Object.entries(params as Readonly<Record<string, string>>);
  const known = part !== undefined && PARTS[part[0]]?.safeParse(part[1]).success === true;
  return known ? `${action.split('.', 1)[0]}:${part[1]}` : `org:${org}`;
}

function partsOf(params: unknown): Readonly<Record<string, unknown>> {
  const entries = Object.entries(params as Readonly<Record<string, string>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, parsed(PARTS[name] ?? z.never(), value, name)]));
}

/** The first fault is told; a value is never repeated. */
function parsed(schema: z.ZodType, value: unknown, name?: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = [...(name === undefined ? [] : [name]), ...(issue?.path ?? [])].join('.');
  throw new AdminError('invalid', `${at === '' ? '' : `${at}: `}${issue?.message ?? 'this is not what is expected'}`);
}
