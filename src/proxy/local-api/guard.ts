// SPDX-License-Identifier: Apache-2.0
// Who may talk to the local API at all: decided from the head of a request, before any route. Pure.

import type { IncomingHttpHeaders } from 'node:http';
import { API_VERSION, API_VERSION_HEADER } from '../../contract/local-api-constants.ts';

export interface RequestHead {
  readonly method: string;
  /** Request target as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values alternating, duplicates included. */
  readonly rawHeaders: readonly string[];
}

export interface Refusal {
  readonly status: 400 | 401 | 403 | 413 | 421;
  readonly code: string;
  readonly message: string;
}

/** Longer than any of our own addresses. Characters. */
const LONGEST_TARGET = 2_048;

function refusal(status: Refusal['status'], code: string, message: string): Refusal {
  return { status, code, message };
}

/** The names under which the API answers. Nothing else: a foreign name that resolves to loopback is DNS rebinding. */
export function ownHosts(port: number): ReadonlySet<string> {
  return new Set([`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`]);
}

function hasOne(rawHeaders: readonly string[], name: string): boolean {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length === 1;
}

function originOf(referer: string): string | undefined {
  return URL.canParse(referer) ? new URL(referer).origin : undefined;
}

/**
 * Refuses what is not meant for us or comes from another web page. Applies to every route, the open ones too. The measures are
 * those of Tailscale's local API (exact Host, no foreign Origin or Referer), plus the browser's own word (Sec-Fetch-Site).
 */
export function guard(head: RequestHead, hosts: ReadonlySet<string>): Refusal | undefined {
  const { headers } = head;
  if (!head.url.startsWith('/') || head.url.length > LONGEST_TARGET)
    return refusal(400, 'bad-target', 'The request target must be a short path.');
  const host = headers.host?.toLowerCase();
  if (host === undefined || !hosts.has(host) || !hasOne(head.rawHeaders, 'host'))
    return refusal(403, 'foreign-host', 'The Host header does not name this API.');
  const own = `http://${host}`;
  if (headers.origin !== undefined && headers.origin !== own)
    return refusal(403, 'foreign-origin', 'Requests from other pages are not answered.');
  if (headers.referer !== undefined && originOf(headers.referer) !== own)
    return refusal(403, 'foreign-referer', 'Requests from other pages are not answered.');
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return refusal(403, 'foreign-origin', 'Requests from other pages are not answered.');
  const version = headers[API_VERSION_HEADER];
  if (version !== undefined && version !== String(API_VERSION))
    return refusal(400, 'api-version', `This daemon speaks version ${API_VERSION} of the local API.`);
  return undefined;
}

/** The value of one cookie; undefined when it is absent. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const cut = pair.indexOf('=');
    if (cut > 0 && pair.slice(0, cut).trim() === name) return pair.slice(cut + 1).trim();
  }
  return undefined;
}
