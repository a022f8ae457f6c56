// SPDX-License-Identifier: Apache-2.0
// The two HTTP/1.1 heads of a handshake: writes the request head as given, reads the answer's head strictly. Pure. Knows
// nothing of WebSocket or sockets.

import { pairs } from '../../../contract/http-headers.ts';
import type { RawHeaders } from '../call.ts';

/** Node's own default for a request head; real 101 and error heads are below 4 KiB. */
export const MAX_HEAD_BYTES = 16 * 1024;

export interface AnswerHead {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** All values of a header, in order. `name` in lower case. */
export function valuesOf(headers: RawHeaders, name: string): string[] {
  return pairs(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []));
}

/** The members of a comma-separated header, in lower case. */
export function tokensOf(headers: RawHeaders, name: string): string[] {
  return valuesOf(headers, name)
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase());
}

/** Without the headers of these names (lower case). */
export function without(headers: RawHeaders, names: ReadonlySet<string>): string[] {
  return pairs(headers).flatMap(([name, value]) => (names.has(name.toLowerCase()) ? [] : [name, value]));
}

/** A head on the wire, or undefined when the line or a header could be read as something else (CR, LF, NUL and the like). */
export function encodeHead(startLine: string, headers: RawHeaders): Buffer | undefined {
  if (!VALUE.test(startLine)) return undefined;
  let text = `${startLine}\r\n`;
  for (const [name, value] of pairs(headers)) {
    if (!TOKEN.test(name) || !VALUE.test(value)) return undefined;
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** Undefined when method, target or a header is not well formed. */
export function encodeRequestHead(method: string, target: string, headers: RawHeaders): Buffer | undefined {
  if (!TOKEN.test(method) || !TARGET.test(target)) return undefined;
  return encodeHead(`${method} ${target} HTTP/1.1`, headers);
}

/** How far the head goes: bytes with the empty line, or undefined while it is not whole. */
export function headLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end + 4;
}

/** Reads a whole answer head (with its empty line). Undefined when it is not strictly HTTP/1: bare CR or LF, folding, odd names. */
export function parseAnswerHead(bytes: Buffer): AnswerHead | undefined {
  const [start = '', ...lines] = bytes.toString('latin1').slice(0, -4).split('\r\n');
  const [, version, status, reason] = /^HTTP\/(1\.[01]) ([1-9]\d\d)(?: (.*))?$/.exec(start) ?? [];
  if (version === undefined || status === undefined || !VALUE.test(reason ?? '')) return undefined;
  const headers: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
    if (!TOKEN.test(name) || !VALUE.test(value)) return undefined;
    headers.push(name, value);
  }
  return { version, status: Number(status), reason: reason ?? '', headers };
}
