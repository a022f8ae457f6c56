// SPDX-License-Identifier: Apache-2.0
// Short answers that an entrance gives itself, worded by the error catalogue. Pure. Dialect-shaped refusals are the exchange's business.

import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import type { RawHeaders } from '../exchange/call.ts';

export interface LocalAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  readonly body: string;
}

/** The catalogue's status and sentence as JSON that all vendors' SDKs can show (`error.message`). */
export function refusal(code: ErrorCode): LocalAnswer {
  const { status, user } = ERRORS[code];
  return json(status, { error: { type: 'outpost_refused', code, message: user } });
}

export function json(status: number, value: unknown, headers: RawHeaders = []): LocalAnswer {
  return { status, headers: ['Content-Type', 'application/json', ...headers], body: JSON.stringify(value) };
}

export function plainText(status: number, sentence: string): LocalAnswer {
  return { status, headers: ['Content-Type', 'text/plain; charset=utf-8'], body: `${sentence}\n` };
}

/** A whole HTTP/1.1 response that closes its connection, for sockets that no HTTP server holds (CONNECT, upgrades, bad framing). */
export function closingResponse({ status, headers, body }: LocalAnswer): Buffer {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', '', body);
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** The first value of a header whose name is given in lower case. */
export function firstValue(headers: RawHeaders, name: string): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]?.length === name.length && headers[at]?.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}
