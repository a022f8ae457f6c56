// SPDX-License-Identifier: Apache-2.0
// Whoever uses the admin API: by the names of its endpoints, with a cookie jar, as a browser's page or as a program. Checks each answer
// against the schema of the table; what it sends may be anything.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { Role } from '../../src/contract/admin/access.ts';
import {
  ADMIN_API,
  ADMIN_ENDPOINTS,
  type AdminEndpoint,
  type AdminEndpointName,
} from '../../src/contract/admin/endpoints.ts';
import { adminError } from '../../src/contract/admin/messages.ts';
import { rolesText } from '../../src/control-plane/admin/auth/roles.ts';
import { beginSession } from '../../src/control-plane/admin/auth/sessions.ts';
import { localSubject } from '../../src/control-plane/admin/auth/users.ts';
import type { Context } from '../../src/control-plane/context.ts';
import { type Answer, send } from './device.ts';

export interface AdminWish {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number>> | string;
  /** Becomes JSON; a Buffer is sent as it is. */
  readonly body?: unknown;
  /** Over what a page sends; undefined: without that one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

type AnswerOf<Name extends AdminEndpointName> = (typeof ADMIN_ENDPOINTS)[Name]['answer'] extends z.ZodType
  ? z.output<(typeof ADMIN_ENDPOINTS)[Name]['answer']>
  : never;

export const SESSION_NAME = 'outpost_admin';

export class AdminClient {
  readonly url: string;
  readonly jar = new Map<string, string>();
  constructor(url: string, token?: string) {
    this.url = url;
    if (token !== undefined) this.jar.set(SESSION_NAME, token);
  }

  get token(): string | undefined {
    return this.jar.get(SESSION_NAME);
  }

  /** Sends it as the page would, and takes the cookies of the answer. */
  async call(name: AdminEndpointName, wish: AdminWish = {}): Promise<Answer> {
    const { method } = ADMIN_ENDPOINTS[name];
    return await this.raw(method, addressOf(name, wish), wish);
  }

  async raw(method: string, path: string, { body, headers = {} }: AdminWish = {}): Promise<Answer> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const all = {
      ...(method === 'GET' ? {} : { origin: this.url, 'sec-fetch-site': 'same-origin' }),
      ...(bytes.length === 0 ? {} : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
      ...(this.jar.size === 0 ? {} : { cookie: [...this.jar].map(([key, value]) => `${key}=${value}`).join('; ') }),
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >;
    const answer = await send(this.url, { method, path, headers: sent, body: bytes });
    this.#take(answer);
    return answer;
  }

  /** Must be granted; its answer is what the table says. */
  async ok<Name extends AdminEndpointName>(name: Name, wish?: AdminWish): Promise<AnswerOf<Name>> {
    const answer = await this.call(name, wish);
    assert.equal(answer.status, 200, `${name}: ${answer.status} ${answer.body}`);
    const { answer: schema } = ADMIN_ENDPOINTS[name] as AdminEndpoint;
    assert.ok(typeof schema === 'object', `${name} does not answer in JSON`);
    const parsed = schema.safeParse(answer.json());
    assert.ok(parsed.success, `${name}: ${parsed.error?.message} in ${answer.body}`);
    return parsed.data as AnswerOf<Name>;
  }

  /** Must be refused, in the shape of the contract. Returns `403 forbidden`. */
  async no(name: AdminEndpointName, wish?: AdminWish): Promise<string> {
    return refusalIn(await this.call(name, wish));
  }

  #take({ headers }: Answer): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /Max-Age=0|Expires=Thu, 01 Jan 1970/i.test(line)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
  }
}

export function refusalIn(answer: Answer): string {
  const { error } = adminError.parse(answer.json());
  return `${answer.status} ${error}`;
}

export function addressOf(name: AdminEndpointName, { path = {}, query = '' }: AdminWish = {}): string {
  const at = ADMIN_ENDPOINTS[name].path.replace(/\{(\w+)\}/g, (_, part: string) =>
    encodeURIComponent(path[part] ?? 'x'),
  );
  const text =
    typeof query === 'string'
      ? query
      : new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
  return `${ADMIN_API}${at}${text === '' ? '' : `?${text}`}`;
}

/** Somebody with these roles, signed in without a password. */
export async function signedIn(
  { ctx, url }: { readonly ctx: Context; readonly url: string },
  org: string,
  roles: readonly Role[],
  name: string = `p-${randomBytes(6).toString('hex')}`,
): Promise<AdminClient & { readonly user: string; readonly name: string }> {
  const id = `u-${randomBytes(8).toString('hex')}`;
  const user = {
    id,
    org,
    name,
    subject: localSubject(name),
    roles: rolesText(roles),
    password: null,
    change_password: 0 as const,
    created: ctx.clock.now(),
    last_sign_in: null,
    disabled: 0 as const,
  };
  const token = await ctx.db.transaction(async (tx) => {
    await tx.insertInto('app_user').values(user).execute();
    return await beginSession(tx, ctx, user);
  });
  return Object.assign(new AdminClient(url, token), { user: id, name });
}
