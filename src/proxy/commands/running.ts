// SPDX-License-Identifier: Apache-2.0
// Finding the daemon of a data folder and talking to its local API. What stands on disk is parsed, never trusted.

import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { API_TOKEN_FILE, type Ready, RUN_FILE } from '../../contract/data-files.ts';
import { readySchema } from '../../contract/ready.ts';

/** A daemon that lives answers at once. Milliseconds. */
const API_PATIENCE_MS = 5_000;

/** The daemon that says it runs on this data folder; undefined when none does. */
export function findRunning(dataDir: string): Ready | undefined {
  try {
    const ready = readySchema.parse(JSON.parse(readFileSync(join(dataDir, RUN_FILE), 'utf8')));
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

/** One call of the local API with the folder's token; resolves to its JSON. Rejects with a sentence for the user. @param body sent as JSON @param ms without a byte */
export function callApi(
  dataDir: string,
  ready: Ready,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  ms = API_PATIENCE_MS,
): Promise<unknown> {
  const token = readFileSync(join(dataDir, API_TOKEN_FILE), 'utf8').trim();
  // The process may be another one by now, which was given the number of a daemon that was killed.
  const who = `the daemon (process ${ready.pid}, ${ready.api_url})`;
  return new Promise((resolve, reject) => {
    const call = request(
      new URL(path, ready.api_url),
      { method, headers: { authorization: `Bearer ${token}`, 'x-outpost-api': '1' }, timeout: ms },
      (response) => {
        const { statusCode = 0 } = response;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
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
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('error', (error) => reject(new Error(`${who} does not answer (${error.message}); restart it`)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
