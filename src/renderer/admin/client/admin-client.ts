// SPDX-License-Identifier: Apache-2.0
// How the page sees the control plane: one function for each endpoint of the contract's table, typed by it. http.ts speaks to a server,
// fake.ts to nobody.

import type * as z from 'zod/mini';
import type { ADMIN_ENDPOINTS, AdminEndpointName } from '../../../contract/admin/endpoints.ts';
import type { adminError } from '../../../contract/admin/messages.ts';

type Table = typeof ADMIN_ENDPOINTS;
type Member<T, Name extends string> = T extends { readonly [K in Name]: infer V } ? V : undefined;

/** Endpoints that answer in JSON; the others are addresses for links (address.ts). */
export type CallName = {
  [N in AdminEndpointName]: Table[N]['answer'] extends string ? never : N;
}[AdminEndpointName];

/** `{ id }` of `/devices/{id}/revoke`. */
export type PartsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name]: string | number } & PartsOf<Rest>
  : unknown;
/** What may be asked of an endpoint behind its `?`. */
export type QueryFor<N extends AdminEndpointName> = z.output<Extract<Member<Table[N], 'query'>, z.core.$ZodType>>;
type QueryOf<N extends AdminEndpointName> =
  Member<Table[N], 'query'> extends z.core.$ZodType ? { readonly query?: Readonly<QueryFor<N>> } : unknown;
type BodyOf<N extends AdminEndpointName> =
  Member<Table[N], 'request'> extends z.core.$ZodType
    ? { readonly body: Readonly<z.input<Member<Table[N], 'request'>>> }
    : unknown;

/** What an endpoint is called with: parts of its path, `query`, `body`. */
export type CallOf<N extends AdminEndpointName> = PartsOf<Table[N]['path']> & QueryOf<N> & BodyOf<N>;
export type AnswerOf<N extends CallName> = z.output<Extract<Table[N]['answer'], z.core.$ZodType>>;

/** All reject with `AdminFailure`. */
export type AdminClient = {
  readonly [N in CallName]: unknown extends CallOf<N>
    ? () => Promise<AnswerOf<N>>
    : object extends CallOf<N>
      ? (call?: CallOf<N>) => Promise<AnswerOf<N>>
      : (call: CallOf<N>) => Promise<AnswerOf<N>>;
};

type ErrorBody = z.output<typeof adminError>;
export type Fault = NonNullable<ErrorBody['faults']>[number];

/**
 * The server's own codes, and: `network`, nobody answered, and what was asked may or may not have been done; `outdated`, the answer is
 * none that this page knows.
 */
export type FailureCode = ErrorBody['error'] | 'network' | 'outdated';

export class AdminFailure extends Error {
  readonly code: FailureCode;
  /** Of a policy: where it is wrong. */
  readonly faults: readonly Fault[];
  /** Seconds; undefined: the server does not say. */
  readonly retryAfter: number | undefined;
  constructor(code: FailureCode, message = '', faults: readonly Fault[] = [], retryAfter?: number) {
    super(message);
    this.name = 'AdminFailure';
    this.code = code;
    this.faults = faults;
    this.retryAfter = retryAfter;
  }
}

/** What a call that rejected means; anything but an `AdminFailure` is a defect of the page, and shown as such. */
export function failureOf(error: unknown): AdminFailure {
  return error instanceof AdminFailure ? error : new AdminFailure('internal', String(error));
}
