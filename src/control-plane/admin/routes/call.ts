// SPDX-License-Identifier: Apache-2.0
// What a handler of the admin API is given and what it gives, as types made from the table of endpoints. Types only.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ADMIN_ENDPOINTS, AdminEndpointName } from '../../../contract/admin/endpoints.ts';
import type { Actor } from '../../actor.ts';
import type { Session } from '../auth/sessions.ts';

type Table = typeof ADMIN_ENDPOINTS;
type Output<T> = T extends z.ZodType ? z.output<T> : never;
type Member<T, Name extends string> = T extends { readonly [K in Name]: infer V } ? V : undefined;

/** `{version}` is a number, all others are texts. */
type Parts<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name]: K extends 'version' ? number : string } & Parts<Rest>
  : unknown;

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Whoever is signed in. All that is asked for is of this organisation. */
export interface Visitor {
  readonly org: string;
  readonly actor: Actor;
  readonly session: Session;
}

type Who<Name extends AdminEndpointName> = Table[Name]['permission'] extends 'public' ? Exchange : Exchange & Visitor;

export type AdminCall<Name extends AdminEndpointName> = Who<Name> & {
  readonly path: Parts<Table[Name]['path']>;
  readonly query: Output<Member<Table[Name], 'query'>>;
  readonly body: Output<Member<Table[Name], 'request'>>;
};

export type AdminAnswer<Name extends AdminEndpointName> = Table[Name]['answer'] extends z.ZodType
  ? Readonly<z.output<Table[Name]['answer']>>
  : FastifyReply;

/** Handlers of some endpoints; all of them together are the API. */
export type AdminHandlers<Names extends AdminEndpointName = AdminEndpointName> = {
  readonly [Name in Names]: (call: AdminCall<Name>) => Promise<AdminAnswer<Name>>;
};

/** What most of them answer. */
export const DONE = { done: true } as const;
