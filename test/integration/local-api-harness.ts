// SPDX-License-Identifier: Apache-2.0
// A local API with an invented agent behind it, and ways to ask it, for the tests beside this file.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiError } from '../../src/contract/local-api.ts';
import { createLocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { createFakeAgent } from '../fakes/fake-agent.ts';

export const TOKEN = 'token-of-the-test'.padEnd(43, 'x');
export const bearer = { authorization: `Bearer ${TOKEN}` };

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly host?: string;
}

/** The code of an error answer. */
export const codeOf = (got: Got): string => apiError.parse(JSON.parse(got.body)).error.code;

/**
 * Starts it on a free port with a small page folder. `close` ends it and removes the folder. `patience` is real time, in milliseconds: only
 * for clients that mean to be too slow.
 */
export async function startTestApi(options: { readonly patience?: number } = {}) {
  const clock = new FakeClock();
  const agent = createFakeAgent();
  const folder = mkdtempSync(join(tmpdir(), 'outpost-api-'));
  writeFileSync(join(folder, 'app-1.js'), 'export {};');
  writeFileSync(join(folder, 'app-1.js.map'), '{}');
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>page</title>');
  const parts = { view: agent, token: TOKEN, pageFolder: folder, clock, log: silentLog };
  const api = await createLocalApi({ ...parts, ...options, port: 0 });

  function ask(path: string, { method = 'GET', headers = {}, body, host = '127.0.0.1' }: Ask = {}): Promise<Got> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ host, port: api.port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Sends bytes as they are; resolves with all that came back until the server closed. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(api.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.write(bytes);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('utf8');
  }

  async function cookieOf(): Promise<string> {
    const got = await ask(new URL(api.loginUrl()).pathname);
    return String(got.headers['set-cookie']?.[0]?.split(';')[0]);
  }

  return {
    api,
    agent,
    clock,
    folder,
    ask,
    raw,
    cookieOf,
    async close(): Promise<void> {
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}
