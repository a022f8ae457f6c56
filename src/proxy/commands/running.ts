// SPDX-License-Identifier: Apache-2.0
// Finding the daemon of a data folder and talking to its local API, once it has proven to be it. What stands on disk is parsed, never
// trusted.

import { type Agent, request } from 'node:http';
import { join } from 'node:path';
import { NotTheDaemon, proven } from '../../client/proven.ts';
import { API_TOKEN_FILE, type Ready, RUN_FILE } from '../../contract/data-files.ts';
import { readySchema } from '../../contract/ready.ts';
import { systemClock } from '../clock.ts';
import { readSmall } from '../support/read-file.ts';

/** A daemon that lives answers at once. Milliseconds. */
const API_PATIENCE_MS = 5_000;
/** A run file has under 400, a token 44. Bytes. */
const MOST_RUN_FILE = 16_384;
const MOST_TOKEN_FILE = 4_096;

/** The daemon that says it runs on this data folder; undefined when none does. */
export function findRunning(dataDir: string): Ready | undefined {
  try {
    const file = readSmall(join(dataDir, RUN_FILE), MOST_RUN_FILE, 'refused');
    if (file.kind !== 'text') return undefined;
    const ready = readySchema.parse(JSON.parse(file.text));
    process.kill(ready.pid, 0);
    return ready;
  } catch {
    return undefined;
  }
}

/** The daemon answered, but not with success. Its message is a sentence for the user. */
export class ApiRefusal extends Error {
  readonly status: number;
  constructor(who: string, status: number) {
    super(`${who} refused with status ${status}; restart it`);
    this.status = status;
  }
}

function tokenOf(dataDir: string): string {
  const path = join(dataDir, API_TOKEN_FILE);
  const file = readSmall(path, MOST_TOKEN_FILE, 'refused');
  if (file.kind !== 'text') throw new Error(`the token of the local API cannot be read: ${path} is ${file.kind}`);
  return file.text.trim();
}

/** One call of the local API with the folder's token; resolves to its JSON. Rejects with a sentence for the user. @param body sent as JSON @param ms without a byte */
export async function callApi(
  dataDir: string,
  ready: Ready,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  ms = API_PATIENCE_MS,
): Promise<unknown> {
  const token = tokenOf(dataDir);
  // The process may be another one by now, which was given the number of a daemon that was killed.
  const who = `the daemon (process ${ready.pid}, ${ready.api_url})`;
  let agent: Agent;
  try {
    agent = await proven({ origin: ready.api_url, token, clock: systemClock });
  } catch (error) {
    if (!(error instanceof NotTheDaemon)) throw silent(who, error);
    const file = join(dataDir, RUN_FILE);
    throw new Error(`the program at ${ready.api_url} is not your daemon; remove ${file} or restart outpost`);
  }
  try {
    return await send(agent, who, ms, token, method, new URL(path, ready.api_url), body);
  } finally {
    agent.destroy();
  }
}

function silent(who: string, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error);
  return new Error(`${who} does not answer (${why}); restart it`);
}

function send(
  agent: Agent,
  who: string,
  ms: number,
  token: string,
  method: 'GET' | 'POST',
  url: URL,
  body: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method,
        agent,
        headers: { authorization: `Bearer ${token}`, 'x-outpost-api': '1', connection: 'close' },
        timeout: ms,
      },
      (response) => {
        const { statusCode = 0 } = response;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => reject(silent(who, error)));
        response.on('end', () => {
          if (statusCode >= 300) return reject(new ApiRefusal(who, statusCode));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch {
            reject(new Error(`${who} answered without JSON; restart it`));
          }
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer within ${ms / 1_000} s`)));
    call.on('error', (error) => reject(silent(who, error)));
    call.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(silent(who, 'it wants another protocol'));
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
