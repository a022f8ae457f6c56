// SPDX-License-Identifier: Apache-2.0
// `fetch` for one daemon on this machine, with its token: to who has proven to be it and nowhere else, past every proxy. The global one
// would send the token through HTTP_PROXY where NODE_USE_ENV_PROXY is set, and follow redirects.

import { type Agent, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { proven } from '../client/proven.ts';
import type { Clock } from '../contract/clock.ts';
import type { Place } from './run-file.ts';

/** Without a byte; the stream of states has a heartbeat each 10 s. Milliseconds. */
const SILENCE_MS = 60_000;

/** Statuses whose answer must not have a body, in the words of `Response`. */
const BODILESS = new Set([204, 205, 304]);

function answerOf(message: IncomingMessage): Response {
  const { statusCode: status = 0 } = message;
  // Who is not followed is not shown either.
  if (status < 200 || (status >= 300 && status < 400)) {
    message.destroy();
    throw new TypeError(`status ${status}`);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headersDistinct)) {
    for (const one of value ?? []) headers.append(name, one);
  }
  if (BODILESS.has(status)) message.resume();
  const body = BODILESS.has(status) ? null : (Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>);
  return new Response(body, { status, headers });
}

function send(agent: Agent, token: string, url: URL, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers, signal, body } = init;
    const call = request(
      url,
      {
        method,
        agent,
        headers: {
          ...Object.fromEntries(new Headers(headers)),
          authorization: `Bearer ${token}`,
          connection: 'close',
        },
        timeout: SILENCE_MS,
        ...(signal == null ? {} : { signal }),
      },
      (message) => {
        try {
          resolve(answerOf(message));
        } catch (error) {
          reject(error);
        }
      },
    );
    call.on('timeout', () => call.destroy(new TypeError('silent')));
    call.on('error', reject);
    call.on('upgrade', (_message, socket) => {
      socket.destroy();
      reject(new TypeError('another protocol'));
    });
    // Whatever else may end it without a word.
    call.on('close', () => {
      reject(new TypeError('the connection ended'));
      agent.destroy();
    });
    call.end(typeof body === 'string' ? body : undefined);
  });
}

/** Each call proves anew who answers: the daemon may have ended, and another program may have taken its port. */
export function agentFetch({ origin, token }: Pick<Place, 'origin' | 'token'>, clock: Clock): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    if (url.origin !== origin) throw new TypeError('another address');
    const agent = await proven({ origin, token, clock }, init.signal ?? undefined);
    return await send(agent, token, url, init);
  };
}
