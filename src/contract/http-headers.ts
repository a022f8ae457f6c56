// SPDX-License-Identifier: Apache-2.0
// What HTTP itself says about header fields, for every room that passes some on. Pure; knows nothing of who sends them.

/** RFC 9110 7.6.1 and what proxies have used beside it: they speak about one connection, never about the message. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Raw headers (names and values alternating) as pairs, in their order; a name without a value is left out. */
export function pairs(headers: readonly string[]): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) found.push([headers[at] ?? '', headers[at + 1] ?? '']);
  return found;
}
