// SPDX-License-Identifier: Apache-2.0
// Small requests of our own over the pools of the daemon: tokens, status pages. Verified like every other connection. Must not know what
// is asked for, and follows no redirect.

import request from 'undici/lib/api/api-request.js';
import type { Pools } from './pools.ts';

export interface PlainAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface PlainRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** @throws OutpostError or undici's errors when there is no answer. */
export async function plainRequest(pools: Pools, url: string, options: PlainRequest): Promise<PlainAnswer> {
  const { origin, pathname, search } = new URL(url);
  const { method, headers, body = null, signal } = options;
  const port = new URL(url).port;
  const pool = pools.pool(port === '' ? `${origin}:${origin.startsWith('https') ? 443 : 80}` : origin);
  // Loaded without the rest of undici, a pool has no `request` of its own.
  const answer = await request.call(pool, {
    method,
    path: `${pathname}${search}`,
    headers,
    body,
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    status: answer.statusCode,
    header(name) {
      const value = answer.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: answer.body,
  };
}

/** Reads at most `limit` bytes as text. @throws RangeError when there are more. */
export async function textOf(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new RangeError(`more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
