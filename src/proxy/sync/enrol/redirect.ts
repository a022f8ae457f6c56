// SPDX-License-Identifier: Apache-2.0
// Waits on loopback for the one redirect with which a sign-in ends (RFC 8252, 7.3). Answers nothing else, repeats nothing that it was sent,
// and knows neither who signs in nor what the code is for.

import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { plainPage } from '../../../contract/plain-page.ts';

const PATH = '/callback';
/** A code has some hundred characters. */
const MOST_HEADER_BYTES = 16_384;
const LONGEST_CODE = 2_048;
/** Browsers open a few ahead of need. */
const MOST_CONNECTIONS = 16;
/** For a request to arrive in full. Milliseconds. */
const PATIENCE_MS = 10_000;

export type Redirected =
  | { readonly kind: 'code'; readonly code: string }
  /** `error`: a word of RFC 6749, if it is one. `description`: foreign words, printable. */
  | { readonly kind: 'refused'; readonly error: string; readonly description: string };

export interface Redirect {
  /** Where the identity provider is to send the browser. */
  readonly uri: string;
  /** Never settles when nobody comes. */
  readonly redirected: Promise<Redirected>;
  close(): Promise<void>;
}

/** @param state what the redirect must carry; whoever does not know it gets nothing */
export async function listenForRedirect(state: string): Promise<Redirect> {
  const { promise: redirected, resolve } = Promise.withResolvers<Redirected>();
  let host = '';
  let over = false;

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const found = over ? undefined : read(request, host, state);
    if (found === undefined) return answer(response, 404, NOTHING);
    over = true;
    answer(response, 200, found.kind === 'code' ? SIGNED_IN : NOT_SIGNED_IN);
    resolve(found);
  };

  const server = createServer({ maxHeaderSize: MOST_HEADER_BYTES, requestTimeout: PATIENCE_MS }, serve);
  server.maxConnections = MOST_CONNECTIONS;
  server.on('upgrade', (_request, socket) => socket.destroy());
  server.on('connect', (_request, socket) => socket.destroy());
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    uri: `http://${host}${PATH}`,
    redirected,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Undefined: it is not the redirect that is waited for. A name that resolves to loopback, or another page, does not know the state. */
function read(
  { method, url = '', headers, rawHeaders }: IncomingMessage,
  host: string,
  state: string,
): Redirected | undefined {
  const hosts = rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
  if (method !== 'GET' || headers.host !== host || hosts !== 1 || !url.startsWith(`${PATH}?`)) return undefined;
  const query = new URLSearchParams(url.slice(PATH.length + 1));
  const only = (name: string): string | undefined => {
    const all = query.getAll(name);
    return all.length === 1 ? all[0] : undefined;
  };
  const given = only('state');
  if (given === undefined || !isSame(given, state)) return undefined;
  const [code, error] = [only('code'), only('error')];
  if (error !== undefined) {
    return {
      kind: 'refused',
      error: /^[a-z_]{1,64}$/.test(error) ? error : 'unknown',
      description: (only('error_description') ?? '').replaceAll(/[^ -~]/g, '').slice(0, 200),
    };
  }
  return code === undefined || code === '' || code.length > LONGEST_CODE ? undefined : { kind: 'code', code };
}

/** Takes the same time wherever they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}

const SIGNED_IN = plainPage('Thank you', [
  'You can close this window and go back to Outpost, which finishes the sign-in.',
]);
const NOT_SIGNED_IN = plainPage('Not signed in', ['You can close this window. Outpost says why.']);
const NOTHING = plainPage('Nothing here', ['There is nothing at this address.']);

function answer(response: ServerResponse, status: number, body: string): void {
  response.on('error', () => undefined);
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    // The address has the code in it.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(body);
}
