// SPDX-License-Identifier: Apache-2.0
// Owns: which names a certificate may carry and how addresses look in one. Pure; must not know who asks.
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { OutpostError } from '../../../contract/errors.ts';

/** Letters, digits, hyphen, and the underscore that DNS allows and some clouds use; 63 bytes a label (RFC 1035, 2.3.4). */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * The one spelling of a host name for certificates and cache keys: lower case, no root dot, no brackets.
 * @throws OutpostError OUT_BAD_REQUEST for what is neither a DNS name nor an IP address.
 */
export function canonicalName(name: string): string {
  // 256: the longest DNS name with its root dot is 254; a longer text is refused before any work is done on it.
  if (name.length > 256) throw new OutpostError('OUT_BAD_REQUEST', 'host name too long');
  const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
  if (isIPv6(bare) && !bare.includes('%')) return new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  if (isIPv4(bare)) return bare;
  const lower = (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase();
  if (lower.length > 253 || !lower.split('.').every((label) => LABEL.test(label))) {
    throw new OutpostError('OUT_BAD_REQUEST', 'not a host name');
  }
  return lower;
}

/** 4 or 16 bytes of an address in canonical form; undefined for a DNS name. */
export function addressBytes(name: string): Buffer | undefined {
  const family = isIP(name);
  if (family === 0) return undefined;
  if (family === 4) return Buffer.from(name.split('.').map(Number));
  const [head = '', tail = ''] = canonicalName(name).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - left.length - right.length).fill('0');
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
