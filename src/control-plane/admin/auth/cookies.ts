// SPDX-License-Identifier: Apache-2.0
// The two cookies of the admin page: the session, and what binds a sign-in with the identity provider to the browser that began it.

import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_COOKIE } from '../../../contract/admin/endpoints.ts';
import { PATIENCE } from './oidc-sign-in.ts';

interface CookieKind {
  readonly name: string;
  readonly sameSite: 'strict' | 'lax';
  /** Seconds; undefined: until the browser ends. The server knows better in any case. */
  readonly maxAge: number | undefined;
}

export const SESSION: CookieKind = { name: SESSION_COOKIE, sameSite: 'strict', maxAge: undefined };
/** Lax: the provider sends the browser back from another site. */
export const BINDING: CookieKind = { name: 'outpost_sign_in', sameSite: 'lax', maxAge: PATIENCE / 1000 };

export interface Cookies {
  read(request: FastifyRequest, kind: CookieKind): string | undefined;
  set(request: FastifyRequest, reply: FastifyReply, kind: CookieKind, value: string): void;
  clear(request: FastifyRequest, reply: FastifyReply, kind: CookieKind): void;
}

/**
 * Behind https their names begin with `__Host-`, which a browser takes from this very host alone: a neighbour in the same domain could
 * otherwise set one for it, and sign somebody in as somebody else. That asks for the path `/`; a narrower one keeps nobody out anyhow.
 * Plain http, which is for loopback, cannot have the prefix.
 */
export function createCookies(isSecure: (request: FastifyRequest) => boolean): Cookies {
  const nameOf = (request: FastifyRequest, { name }: CookieKind) => (isSecure(request) ? `__Host-${name}` : name);
  const optionsOf = (request: FastifyRequest, { sameSite }: CookieKind): CookieSerializeOptions => {
    const secure = isSecure(request);
    return { httpOnly: true, sameSite, secure, path: secure ? '/' : '/admin' };
  };
  return {
    read: (request, kind) => request.cookies[nameOf(request, kind)],
    set(request, reply, kind, value) {
      const { maxAge } = kind;
      const options = optionsOf(request, kind);
      reply.setCookie(nameOf(request, kind), value, maxAge === undefined ? options : { ...options, maxAge });
    },
    clear: (request, reply, kind) => {
      reply.clearCookie(nameOf(request, kind), optionsOf(request, kind));
    },
  };
}
