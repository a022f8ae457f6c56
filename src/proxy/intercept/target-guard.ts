// SPDX-License-Identifier: Apache-2.0
// Which addresses nobody may reach through us: the agent itself, this machine, link-local and cloud metadata. Asked before DNS
// for what the client wrote, and again for each address the name resolved to. Pure. Knows nothing of governed hosts.

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Authority } from './authority.ts';

export interface TargetRules {
  /** Ports that may be named, as inclusive ranges. */
  readonly connectPorts: readonly (readonly [number, number])[];
  /** `host:port`, `host:*` or CIDR exceptions. The agent's own ports are never excepted. */
  readonly allowPrivate: readonly string[];
  /** The agent's own listening ports (proxy, gateway, API). */
  readonly ownPorts: readonly number[];
}

export type TargetRefusal = 'port' | 'self' | 'local-name' | 'address';

/** RFC 1918 networks are not in here: they are a company's own services, and a proxy must reach them. */
const FORBIDDEN_V4 = [
  ['0.0.0.0', 8], // "this host"; Linux connects it to loopback
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, and the metadata address of most clouds
  ['100.100.100.200', 32], // Alibaba Cloud metadata
  ['168.63.129.16', 32], // Azure host services
  ['192.0.0.192', 32], // Oracle Cloud metadata
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
] as const;

const FORBIDDEN_V6 = [
  ['::', 127], // unspecified and loopback
  ['fe80::', 10],
  ['fec0::', 10], // site-local, deprecated
  ['fd00:ec2::254', 128], // AWS metadata
  ['ff00::', 8],
] as const;

function forbiddenList(): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of FORBIDDEN_V4) list.addSubnet(net, prefix, 'ipv4');
  for (const [net, prefix] of FORBIDDEN_V6) list.addSubnet(net, prefix, 'ipv6');
  return list;
}

const FORBIDDEN = forbiddenList();

function loopbackList(): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addSubnet('0.0.0.0', 8, 'ipv4');
  list.addSubnet('::', 127, 'ipv6');
  return list;
}

const LOOPBACK = loopbackList();

/** The question about what the client wrote; no DNS. Undefined: go on. */
export function refuseTarget(target: Authority, rules: TargetRules): TargetRefusal | undefined {
  if (target.kind === 'name') {
    const local = target.host === 'localhost' || target.host.endsWith('.localhost');
    if (local && rules.ownPorts.includes(target.port)) return 'self';
    if (local && !excepted(target.host, undefined, target.port, rules.allowPrivate)) return 'local-name';
  } else {
    const refusal = refuseAddress(target.host, target, rules);
    if (refusal !== undefined) return refusal;
  }
  return rules.connectPorts.some(([from, to]) => target.port >= from && target.port <= to) ? undefined : 'port';
}

/** The question about one resolved address of `target`, asked when dialling, so that DNS rebinding finds nothing. */
export function refuseAddress(
  address: string,
  target: Pick<Authority, 'host' | 'port'>,
  rules: Pick<TargetRules, 'allowPrivate' | 'ownPorts'>,
): 'self' | 'address' | undefined {
  const embedded = embeddedIpv4(address);
  const forms = embedded === undefined ? [address] : [address, embedded];
  if (rules.ownPorts.includes(target.port) && forms.some((form) => inList(LOOPBACK, form))) return 'self';
  if (!forms.some((form) => inList(FORBIDDEN, form))) return undefined;
  return forms.some((form) => excepted(target.host, form, target.port, rules.allowPrivate)) ? undefined : 'address';
}

function inList(list: BlockList, address: string): boolean {
  if (isIPv4(address)) return list.check(address, 'ipv4');
  return isIPv6(address) ? list.check(address, 'ipv6') : true;
}

/**
 * The IPv4 address inside a mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96) or 6to4 (2002::/16) IPv6 address;
 * each of them may end at that IPv4 host.
 */
function embeddedIpv4(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const words = ipv6Words(address);
  const [a = 0, b = 0] = words;
  const dotted = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  if (a === 0x2002) return dotted(b, words[2] ?? 0);
  const middleIsZero = words.slice(2, 5).every((word) => word === 0);
  const mapped = a === 0 && b === 0 && middleIsZero && (words[5] === 0xffff || words[5] === 0);
  const nat64 = a === 0x64 && b === 0xff9b && middleIsZero && words[5] === 0;
  return mapped || nat64 ? dotted(words[6] ?? 0, words[7] ?? 0) : undefined;
}

function ipv6Words(address: string): readonly number[] {
  const tail = /^(.*:)([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(address);
  const text =
    tail === null
      ? address
      : `${tail[1]}${((Number(tail[2]) << 8) | Number(tail[3])).toString(16)}:${((Number(tail[4]) << 8) | Number(tail[5])).toString(16)}`;
  const [head = '', rest] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const front = words(head);
  const back = rest === undefined ? [] : words(rest);
  return [...front, ...new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
}

function excepted(host: string, address: string | undefined, port: number, allow: readonly string[]): boolean {
  return allow.some((entry) => {
    const cidr = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(entry);
    if (cidr !== null) return address !== undefined && inSubnet(address, cidr[1] ?? '', Number(cidr[2]));
    const colon = entry.lastIndexOf(':');
    const name = entry
      .slice(0, colon)
      .replace(/^\[|\]$/g, '')
      .toLowerCase();
    const ports = entry.slice(colon + 1);
    return colon > 0 && (name === host || name === address) && (ports === '*' || Number(ports) === port);
  });
}

function inSubnet(address: string, net: string, prefix: number): boolean {
  const family = isIPv4(net) ? 'ipv4' : 'ipv6';
  if (family === 'ipv4' ? !isIPv4(address) || prefix > 32 : !isIPv6(net) || !isIPv6(address) || prefix > 128)
    return false;
  const list = new BlockList();
  list.addSubnet(net, prefix, family);
  return list.check(address, family);
}
