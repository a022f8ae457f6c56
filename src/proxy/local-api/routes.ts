// SPDX-License-Identifier: Apache-2.0
// The routes of the local API as a table: method, path, who may, and what comes back. Knows no socket; answers are values.

import type { ActivityList, LoginCode, Shell } from '../../contract/local-api.ts';
import { ACTIVITY_LIMIT, SHELLS } from '../../contract/local-api-constants.ts';
import { type Ends, PROOF_PATH } from '../../contract/local-api-proof.ts';
import type { CallsQuery } from '../../contract/local-history.ts';
import { hasMembers, isText, type MemberTests } from '../../contract/members.ts';
import type { AgentView } from './agent-view.ts';
import { type Answer, attachment, failure, json, plainAnswer, type Streamed } from './answer.ts';
import { doctorEvents } from './doctor-events.ts';
import type { PageFiles } from './page-files.ts';
import type { Prove } from './proof.ts';
import { CODE_LIFE_MS, SESSION_LIFE_MS, type SignIn } from './sign-in.ts';

/** `open`: anyone on this machine. `reader`: token or signed-in page. `token`: who can read the token file. */
export type Access = 'open' | 'reader' | 'token';

export interface Visit {
  /** What stands for `*` in the route's path. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** As it was sent. */
  readonly body: Uint8Array;
  /** `http://` and the Host that was asked for. */
  readonly origin: string;
  /** Of the connection that it came over. */
  readonly ends: Ends;
  /** Whoever asked takes no answer any more. */
  readonly gone: AbortSignal;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Exact, or with `*` as its last segment: one segment of letters, digits, `.`, `_` and `-`. */
  readonly path: string;
  readonly access: Access;
  /** A GET that changes something: HEAD is refused, so that a link preview cannot use it up. */
  readonly once?: true;
  /** `events`: the server hands the connection to the event stream. */
  readonly handle: 'events' | ((visit: Visit) => Answer | Streamed | Promise<Answer>);
}

export interface RouteParts {
  readonly view: AgentView;
  readonly files: PageFiles;
  readonly signIn: SignIn;
  readonly prove: Prove;
  readonly cookieName: string;
}

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

const notFound = () => failure(404, 'not-found', 'There is nothing at this address.');
const badBody = () => failure(400, 'bad-body', 'The body of the request is not what this address takes.');
const badQuery = () => failure(400, 'bad-query', 'A parameter of the address is unknown or has a wrong value.');

const optional = (form: RegExp) => (value: unknown) => value === undefined || (isText(value) && form.test(value));

const ACTIVITY_QUERY: MemberTests<{ readonly limit?: string }> = { limit: optional(/^[1-9]\d{0,2}$/) };
const CALLS_QUERY: MemberTests<CallsQuery> = {
  text: optional(/^[\s\S]{1,128}$/),
  decision: optional(/^(?:allowed|blocked)$/),
  before: optional(/^[0-9a-z.-]{1,64}$/),
};
const ENV_QUERY: MemberTests<{ readonly shell?: Shell; readonly tool?: string }> = {
  shell: (value) => value === undefined || SHELLS.some((name) => name === value),
  tool: optional(/^[a-z0-9-]{1,32}$/),
};
const name = /^[\x21-\x7e]{1,256}$/;
const ROUTE_QUERY: MemberTests<{
  readonly model: string;
  readonly app?: string;
  readonly dialect?: string;
  readonly provider?: string;
  readonly path?: string;
}> = {
  model: (value) => isText(value) && name.test(value),
  app: optional(name),
  dialect: optional(/^[a-z-]{1,32}$/),
  provider: optional(/^[a-z0-9-]{1,64}$/),
  path: optional(/^\/[\x21-\x7e]{0,255}$/),
};
const OVERRIDE: MemberTests<{ readonly code: string }> = { code: (value) => isText(value) && /^\d{8}$/.test(value) };
const PROOF_QUERY: MemberTests<{ readonly nonce: string }> = { nonce: isText };
const NO_QUERY: MemberTests<Readonly<Record<never, never>>> = {};

function parse<T>(tests: MemberTests<T>, query: URLSearchParams): T | undefined {
  const members: unknown = Object.fromEntries(query);
  return hasMembers(members, tests) ? members : undefined;
}

function parseBody<T>(tests: MemberTests<T>, body: Uint8Array): T | undefined {
  try {
    const members: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return hasMembers(members, tests) ? members : undefined;
  } catch {
    return undefined;
  }
}

/** Wraps a handler that takes no parameters. */
function plain(handle: () => Answer | Streamed | Promise<Answer>): Route['handle'] {
  return ({ query }) => (parse(NO_QUERY, query) === undefined ? badQuery() : handle());
}

export const SIGNED_OUT = plainAnswer(401, 'Sign in from a terminal', [
  'This page shows what the agent on this machine does. To open it, run <code>outpost ui</code> in a terminal and use the address that it prints.',
  'That address works once, within a minute. You stay signed in for twelve hours.',
]);

export function createRoutes({ view, files, signIn, prove, cookieName }: RouteParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      access: 'open',
      handle: plain(() => ({ status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' })),
    },
    {
      // Browsers add nothing to this request; a query is allowed because some systems append one against caches.
      method: 'GET',
      path: '/proxy.pac',
      access: 'open',
      handle: () => ({ status: 200, type: 'application/x-ns-proxy-autoconfig', body: view.pac() }),
    },
    {
      method: 'GET',
      path: '/crl/*',
      access: 'open',
      handle: ({ name }) => {
        const id = /^([\w-]{1,64})\.crl$/.exec(name)?.[1];
        const body = id === undefined ? undefined : view.crl(id);
        return body === undefined ? notFound() : { status: 200, type: 'application/pkix-crl', body };
      },
    },
    {
      // Asked before anybody sends the token. Costs two hashes.
      method: 'GET',
      path: PROOF_PATH,
      access: 'open',
      handle: ({ query, ends }) => {
        const wanted = parse(PROOF_QUERY, query);
        const proof = wanted === undefined ? undefined : prove(wanted.nonce, ends);
        return proof === undefined ? badQuery() : json(proof);
      },
    },
    { method: 'GET', path: '/v1/state', access: 'reader', handle: plain(() => json(view.state())) },
    { method: 'GET', path: '/v1/events', access: 'reader', handle: 'events' },
    {
      method: 'GET',
      path: '/v1/activity',
      access: 'reader',
      handle: ({ query }) => {
        const wanted = parse(ACTIVITY_QUERY, query);
        if (wanted === undefined) return badQuery();
        const list: ActivityList = { activity: view.state().activity.slice(0, Number(wanted.limit ?? ACTIVITY_LIMIT)) };
        return json(list);
      },
    },
    {
      method: 'GET',
      path: '/v1/usage',
      access: 'reader',
      handle: async ({ query, gone }) =>
        parse(NO_QUERY, query) === undefined ? badQuery() : json(await view.usage(gone)),
    },
    {
      method: 'GET',
      path: '/v1/calls',
      access: 'reader',
      handle: async ({ query, gone }) => {
        const wanted = parse(CALLS_QUERY, query);
        const page = wanted === undefined ? undefined : await view.calls(wanted, gone);
        return page === undefined ? badQuery() : json(page);
      },
    },
    {
      method: 'GET',
      path: '/v1/calls/*',
      access: 'reader',
      handle: async ({ name, query, gone }) => {
        if (parse(NO_QUERY, query) === undefined) return badQuery();
        const detail = await view.callDetail(name, gone);
        return detail === undefined ? notFound() : json(detail);
      },
    },
    {
      method: 'GET',
      path: '/v1/recorded',
      access: 'reader',
      handle: plain(async () => json(await view.recorded())),
    },
    {
      method: 'GET',
      path: '/v1/recorded/export',
      access: 'reader',
      handle: plain(() => ({
        type: 'application/x-ndjson; charset=utf-8',
        headers: attachment('outpost-audit.jsonl'),
        stream: (gone) => view.exportRows(gone),
      })),
    },
    { method: 'GET', path: '/v1/doctor', access: 'reader', handle: plain(async () => json(await view.doctor())) },
    {
      method: 'GET',
      path: '/v1/doctor/events',
      access: 'reader',
      handle: plain(() => ({
        type: 'text/event-stream; charset=utf-8',
        stream: () => doctorEvents(view.doctor),
      })),
    },
    {
      method: 'GET',
      path: '/v1/support-bundle',
      access: 'reader',
      handle: plain(async () => {
        const { name, bytes } = await view.supportBundle();
        return { status: 200, type: 'application/zip', headers: attachment(name), body: bytes };
      }),
    },
    {
      method: 'GET',
      path: '/v1/env',
      access: 'reader',
      handle: ({ query }) => {
        const wanted = parse(ENV_QUERY, query);
        if (wanted === undefined) return badQuery();
        const report = view.env(wanted.shell ?? 'bash', wanted.tool);
        return report === undefined ? badQuery() : json(report);
      },
    },
    {
      method: 'GET',
      path: '/v1/routes',
      access: 'reader',
      handle: ({ query }) => {
        const wanted = parse(ROUTE_QUERY, query);
        if (wanted === undefined) return badQuery();
        const { model, app, dialect, provider, path } = wanted;
        const report = view.explainRoute({ model, app, dialect, provider, path });
        return report === undefined ? notFound() : json(report);
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'reader',
      handle: plain(() => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: view.metrics() })),
    },
    {
      method: 'POST',
      path: '/v1/login-code',
      access: 'token',
      handle: ({ origin }) => {
        const answer: LoginCode = { url: `${origin}/login/${signIn.issue()}`, expires_in_s: CODE_LIFE_MS / 1_000 };
        return json(answer, 201);
      },
    },
    {
      // In the body: addresses end up in histories and logs.
      method: 'POST',
      path: '/v1/override',
      access: 'token',
      handle: ({ query, body }) => {
        if (parse(NO_QUERY, query) === undefined) return badQuery();
        const wanted = parseBody(OVERRIDE, body);
        if (wanted === undefined) return badBody();
        const answer = view.override?.(wanted.code);
        return answer === undefined
          ? failure(404, 'no-organisation', 'This device is not in an organisation.')
          : json(answer);
      },
    },
    {
      method: 'POST',
      path: '/v1/sync',
      access: 'token',
      handle: plain(async () => {
        const answer = await view.sync?.();
        return answer === undefined
          ? failure(404, 'no-organisation', 'This device is not in an organisation.')
          : json(answer);
      }),
    },
    {
      method: 'GET',
      path: '/login/*',
      access: 'open',
      once: true,
      handle: ({ name }) => {
        const session = signIn.redeem(name);
        if (session === undefined)
          return plainAnswer(401, 'This address has been used or is too old', [
            'Run <code>outpost ui</code> again; the address that it prints works once, within a minute.',
          ]);
        const cookie = `${cookieName}=${session}; Path=/; Max-Age=${SESSION_LIFE_MS / 1_000}; HttpOnly; SameSite=Strict`;
        return { status: 303, type: 'text/plain', body: '', headers: { location: '/', 'set-cookie': cookie } };
      },
    },
    {
      method: 'GET',
      path: '/',
      access: 'reader',
      handle: () => {
        const page = files.index();
        if (page === undefined)
          return plainAnswer(503, 'The status page has not been built', ['Run <code>node build/page.mjs</code>.']);
        return { status: 200, ...page, csp: 'page' };
      },
    },
    {
      method: 'GET',
      path: '/assets/*',
      access: 'reader',
      handle: ({ name }) => {
        const file = files.asset(name);
        return file === undefined ? notFound() : { status: 200, ...file };
      },
    },
  ];
}

export type Match =
  | { readonly route: Route; readonly name: string }
  | {
      readonly route: undefined /** Methods that the path does have; empty: no such path. */;
      readonly allow: readonly string[];
    };

/** Finds the route of a path as sent: nothing is decoded or normalised, so what does not match literally does not exist. */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const cut = path.lastIndexOf('/') + 1;
  const segment = path.slice(cut);
  const pattern = `${path.slice(0, cut)}*`;
  const here = routes.filter(({ path: own }) =>
    own.endsWith('*') ? own === pattern && SEGMENT.test(segment) : own === path,
  );
  const wanted = method === 'HEAD' ? 'GET' : method;
  const route = here.find((candidate) => candidate.method === wanted && !(method === 'HEAD' && candidate.once));
  if (route !== undefined) return { route, name: segment };
  const allow = here.flatMap((candidate) =>
    candidate.method === 'GET' && !candidate.once ? ['GET', 'HEAD'] : [candidate.method],
  );
  return { route: undefined, allow };
}
