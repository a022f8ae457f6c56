// SPDX-License-Identifier: Apache-2.0
// The grammar of `host[:port]` as it stands in a CONNECT line, a Host header or an absolute URL, and one canonical form of it.
// Pure. Knows nothing of which hosts are allowed.

import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export interface Authority {
  /** Lower case, no trailing dot, no brackets; IPv6 in its shortest form. */
  readonly host: string;
  readonly port: number;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
}

/** 253 is DNS's limit for a name; the rest is brackets, colon and port. Characters. */
const LONGEST_AUTHORITY = 300;
const LONGEST_NAME = 253;

/** Underscores are not host names by RFC 952, but DNS and clients use them. A hyphen may not begin or end a label. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** `host:port`, the port being required. Undefined for anything else: user info, paths, percent signs, zone ids, control characters. */
export function parseAuthority(text: string): Authority | undefined {
  return parse(text, undefined);
}

/** As {@link parseAuthority}, with a port that may be left out. */
export function parseHostHeader(text: string, defaultPort: number): Authority | undefined {
  return parse(text, defaultPort);
}

/** A bare name as it stands in SNI: lower case, without a trailing dot; undefined when it is an address or no name at all. */
export function canonicalName(text: string): string | undefined {
  const parsed = canonicalHost(text);
  return parsed?.kind === 'name' ? parsed.host : undefined;
}

function parse(text: string, defaultPort: number | undefined): Authority | undefined {
  if (text.length > LONGEST_AUTHORITY) return undefined;
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?$/.exec(text);
  const plain = bracketed ?? /^([^:[\]]+)(?::([0-9]{1,5}))?$/.exec(text);
  if (plain === null) return undefined;
  const host = bracketed === null ? canonicalHost(plain[1] ?? '') : canonicalIpv6(plain[1] ?? '');
  const port = plain[2] === undefined ? defaultPort : Number(plain[2]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { ...host, port };
}

function canonicalHost(text: string): Omit<Authority, 'port'> | undefined {
  const host = text.toLowerCase().replace(/\.$/, '');
  if (host.length === 0 || host.length > LONGEST_NAME) return undefined;
  if (isIPv4(host)) return { host, kind: 'ipv4' };
  const labels = host.split('.');
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  // What ends in a number is an address to the resolver (127.1, 0x7f000001, 2130706433), but not to a check by text.
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return undefined;
  return { host, kind: 'name' };
}

function canonicalIpv6(text: string): Omit<Authority, 'port'> | undefined {
  if (!isIPv6(text)) return undefined;
  return { host: new SocketAddress({ address: text, family: 'ipv6' }).address, kind: 'ipv6' };
}
