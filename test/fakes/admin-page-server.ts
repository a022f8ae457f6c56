// SPDX-License-Identifier: Apache-2.0
// A control plane for the admin page that keeps nothing but a few lists: serves the built page and answers from invented data. A test may
// replace any answer. Every answer is checked against the contract, so that the page is never shown what no control plane could say.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Permission, permits, type Role } from '../../src/contract/admin/access.ts';
import {
  ADMIN_API,
  ADMIN_ENDPOINTS,
  type AdminEndpoint,
  type AdminEndpointName,
} from '../../src/contract/admin/endpoints.ts';
import { createPageFiles } from '../../src/proxy/local-api/page-files.ts';
import { type AdminWorld, createAdminWorld, type FakeAnswer, type FakeCall, FakeRefusal } from './admin-page-world.ts';

export interface AdminServer {
  readonly url: string;
  readonly world: AdminWorld;
  /** Answers instead of the world, until they are taken away. */
  readonly instead: Map<AdminEndpointName, FakeAnswer>;
  /** What was asked for since the start, oldest first. */
  readonly asked: readonly { readonly name: AdminEndpointName; readonly call: FakeCall }[];
  close(): Promise<void>;
}

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Route {
  readonly name: AdminEndpointName;
  readonly endpoint: AdminEndpoint;
  readonly pattern: RegExp;
}

const ROUTES: readonly Route[] = Object.entries<AdminEndpoint>(ADMIN_ENDPOINTS).map(([name, endpoint]) => ({
  name: name as AdminEndpointName,
  endpoint,
  pattern: new RegExp(`^${ADMIN_API}${endpoint.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}));

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

export async function startAdminServer(folder: string, now: number): Promise<AdminServer> {
  const world = createAdminWorld(now);
  const instead = new Map<AdminEndpointName, FakeAnswer>();
  const asked: { name: AdminEndpointName; call: FakeCall }[] = [];
  const files = createPageFiles(folder);

  const answer = async (request: IncomingMessage, url: URL): Promise<unknown> => {
    for (const { name, endpoint, pattern } of ROUTES) {
      const match = request.method === endpoint.method ? pattern.exec(url.pathname) : null;
      if (match === null) continue;
      const wish = await bodyOf(request);
      mustBePermitted(world, endpoint.permission);
      const parts = Object.fromEntries(
        Object.entries(match.groups ?? {}).map(([part, text]) => [part, decodeURIComponent(text)]),
      );
      const query = Object.fromEntries(url.searchParams);
      endpoint.query?.parse(query);
      const body = endpoint.request === undefined ? undefined : endpoint.request.parse(wish);
      const call = { parts, query, body: body as never };
      asked.push({ name, call });
      const found = await (instead.get(name) ?? world.answers[name])(call);
      return found === undefined || typeof endpoint.answer === 'string' ? found : endpoint.answer.parse(found);
    }
    throw new FakeRefusal(404, 'missing', 'there is no such endpoint');
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.startsWith(ADMIN_API)) {
      const name = url.pathname.replace('/admin/assets/', '');
      const file = url.pathname === '/admin/' ? files.index() : files.asset(name);
      response.writeHead(file === undefined ? 404 : 200, {
        'content-security-policy': CSP,
        'content-type': file?.type ?? 'text/plain',
        'x-content-type-options': 'nosniff',
      });
      response.end(file?.body);
      return;
    }
    const send = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    try {
      const value = await answer(request, url);
      // A test cuts the connection so.
      if (value === undefined) response.destroy();
      else send(200, value);
    } catch (error) {
      if (error instanceof FakeRefusal) {
        const { code, message, faults } = error;
        send(error.status, { error: code, message, ...(faults === undefined ? {} : { faults }) });
      } else send(400, { error: 'invalid', message: String(error) });
    }
  };

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/admin/`,
    world,
    instead,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function mustBePermitted({ session }: AdminWorld, permission: Permission | 'public' | 'session'): void {
  if (permission === 'public') return;
  if (session.roles === undefined) throw new FakeRefusal(401, 'signed-out', 'sign in first');
  if (permission === 'session') return;
  if (!permits(session.roles as readonly Role[], permission)) {
    throw new FakeRefusal(403, 'forbidden', `this needs the permission ${permission}`);
  }
}
