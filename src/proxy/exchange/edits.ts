// SPDX-License-Identifier: Apache-2.0
// The named edits: every header that differs between what the caller sent and what the provider gets, and between what the
// provider answered and what the caller gets. Pure. Bodies are edited only by what the
// dialects room offers for it.

import { HOP_BY_HOP, pairs } from '../../contract/http-headers.ts';
import type { RawHeaders } from './call.ts';

/** Written anew by the sending side. `expect` is answered by our own entrance. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'expect', 'host']);

/** Kept out of answers: `alt-svc` would lead browsers to QUIC, past the proxy. */
const DROPPED_FROM_ANSWERS: ReadonlySet<string> = new Set(['alt-svc']);

/** Our own names; a copy from either side would forge what we say. */
const OURS = 'x-outpost-';

/** First value of a header, by lower-case name. */
export function header(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const key = headers[i] as string;
    if (key.length === name.length && key.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

const NONE: ReadonlySet<string> = new Set();

/** Names that the message's own Connection header nominates as hop-by-hop. */
function nominated(headers: RawHeaders): ReadonlySet<string> {
  if (header(headers, 'connection') === undefined) return NONE;
  const names = new Set<string>();
  for (const [key, value] of pairs(headers)) {
    if (key.toLowerCase() !== 'connection') continue;
    for (const token of value.split(',')) names.add(token.trim().toLowerCase());
  }
  // Nominating these would strip what the message itself needs.
  for (const kept of ['host', 'content-type', 'content-encoding', 'authorization', 'cookie', 'x-api-key'])
    names.delete(kept);
  return names;
}

export interface RequestEdit {
  /** Authority of the target. */
  readonly host: string;
  /** Headers to set; every client-sent copy is removed. */
  readonly set: readonly (readonly [string, string])[];
  /** Sent as it is for streamed bodies; undefined: the sender computes or chunks. */
  readonly contentLength: string | undefined;
}

/** The provider's view of the caller's headers: order and case kept. HTTP/2's split cookies are joined as HTTP/1.1 needs them. */
export function requestHeaders(headers: RawHeaders, edit: RequestEdit): string[] {
  const drop = nominated(headers);
  const replaced = new Set(edit.set.map(([name]) => name.toLowerCase()));
  const out: string[] = ['host', edit.host];
  let cookieAt = -1;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || FRAMING.has(key) || drop.has(key) || replaced.has(key) || key.startsWith(OURS)) continue;
    if (key === 'cookie') {
      if (cookieAt >= 0) {
        out[cookieAt] = `${out[cookieAt]}; ${value}`;
        continue;
      }
      cookieAt = out.length + 1;
    }
    out.push(name, value);
  }
  for (const [name, value] of edit.set) out.push(name, value);
  if (edit.contentLength !== undefined) out.push('content-length', edit.contentLength);
  return out;
}

/** The caller's view of the provider's headers, with `extra` (ours) at the end. */
export function answerHeaders(headers: RawHeaders, extra: RawHeaders): string[] {
  const drop = nominated(headers);
  const out: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || DROPPED_FROM_ANSWERS.has(key) || drop.has(key) || key.startsWith(OURS)) continue;
    out.push(name, headers[i + 1] as string);
  }
  out.push(...extra);
  return out;
}

/** What a provider that the caller did not turn to may tell it: the shape of the body. Limits and accounts are not the caller's. */
const STRANGERS: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'cache-control']);

/** The caller's view of the headers of another provider than it addressed. `contentType`: where the frames were changed. */
export function strangersHeaders(headers: RawHeaders, contentType: string | undefined, extra: RawHeaders): string[] {
  const out: string[] = [];
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase();
    if (STRANGERS.has(key)) out.push(name, key === 'content-type' && contentType !== undefined ? contentType : value);
  }
  out.push(...extra);
  return out;
}

/** The request head of a WebSocket upgrade: hop-by-hop headers stay, they are the message. */
export function upgradeHeaders(headers: RawHeaders, edit: Omit<RequestEdit, 'contentLength'>): string[] {
  const replaced = new Set(edit.set.map(([name]) => name.toLowerCase()));
  const out: string[] = [];
  let hostSeen = false;
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase();
    if (key === 'proxy-connection' || key === 'proxy-authorization' || replaced.has(key) || key.startsWith(OURS))
      continue;
    if (key === 'host') {
      hostSeen = true;
      out.push(name, edit.host);
    } else out.push(name, value);
  }
  if (!hostSeen) out.unshift('Host', edit.host);
  for (const [name, value] of edit.set) out.push(name, value);
  return out;
}

/**
 * Path and query with another model in the last segment that names `from` (`…/models/FROM:verb`, `…/deployments/FROM/…`); undefined
 * where no segment does. All else keeps its bytes.
 */
export function withPathModel(target: string, from: string, to: string): string | undefined {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments = path.split('/');
  for (let at = segments.length - 1; at >= 0; at--) {
    const segment = segments[at] ?? '';
    let decoded: string;
    try {
      decoded = decodeURIComponent(segment);
    } catch {
      continue;
    }
    if (decoded !== from && !decoded.startsWith(`${from}:`)) continue;
    segments[at] = encodeURIComponent(to) + decoded.slice(from.length);
    return segments.join('/') + (mark < 0 ? '' : target.slice(mark));
  }
  return undefined;
}

/** Makes any text safe as a header value of ours: printable ASCII, at most 128 characters. */
export function headerValue(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '_').slice(0, 128);
}

/** Raw headers as undici hands them over (latin1 buffers). */
export function decodeRawHeaders(raw: unknown): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((item) => (Buffer.isBuffer(item) ? item.toString('latin1') : String(item)));
}
