// SPDX-License-Identifier: Apache-2.0
// Answers of the local API as values, and the headers that every one of them carries. Knows no route.

import type { ApiError } from '../../contract/local-api.ts';
import { API_VERSION, API_VERSION_HEADER } from '../../contract/local-api-constants.ts';
import { plainPage } from '../../contract/plain-page.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which content security policy: the page may load its own script and style, everything else nothing. */
  readonly csp?: 'page' | 'nothing';
}

/** An answer that comes piece by piece. */
export interface Streamed {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Begins it. Ends, or throws, soon after the signal: the client has gone. */
  readonly stream: (gone: AbortSignal) => AsyncIterable<string | Uint8Array>;
}

/** Saved to a file by a browser, under this name. @param name letters, digits, `.` and `-` */
export function attachment(name: string): Readonly<Record<string, string>> {
  return { 'content-disposition': `attachment; filename="${name}"` };
}

const CSP_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CSP_PAGE =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** For every answer, refusals included. */
export function securityHeaders(csp: Answer['csp'] = 'nothing'): Record<string, string> {
  return {
    'content-security-policy': csp === 'page' ? CSP_PAGE : CSP_NOTHING,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    // Not `no-referrer`: with it browsers send `Origin: null`, which the guard refuses.
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
    [API_VERSION_HEADER]: String(API_VERSION),
  };
}

export function json(value: unknown, status = 200): Answer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

export function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const error: ApiError = { error: { code, message } };
  return { ...json(error, status), headers };
}

/** See `plainPage`. */
export function plainAnswer(status: number, title: string, lines: readonly string[]): Answer {
  return { status, type: 'text/html; charset=utf-8', body: plainPage(title, lines) };
}
