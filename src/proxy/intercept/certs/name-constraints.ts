// SPDX-License-Identifier: Apache-2.0
// Owns: from governed host patterns to the names our intermediate may vouch for. Pure; must not know certificates or policy.
import { OutpostError } from '../../../contract/errors.ts';
import { addressBytes, canonicalName } from './host-name.ts';

/** What the intermediate may sign for. A DNS name covers itself and everything below it (RFC 5280, 4.2.1.10). */
export interface PermittedNames {
  readonly dns: readonly string[];
  readonly addresses: readonly string[];
}

/**
 * X.509 constraints know suffixes only, so a pattern becomes its longest fixed suffix of whole labels:
 * `bedrock-runtime.*.amazonaws.com` permits `amazonaws.com`. Names under a permitted suffix are left out; order is stable.
 * @throws OutpostError OUT_CA_UNUSABLE for a pattern without a fixed last label, which would permit the whole of DNS.
 */
export function permittedNames(patterns: readonly string[]): PermittedNames {
  const names = patterns.map(fixedSuffix);
  const addresses = names.filter((name) => addressBytes(name) !== undefined);
  const dns = names.filter((name) => addressBytes(name) === undefined);
  const broadest = dns.filter((name) => !dns.some((other) => name.endsWith(`.${other}`)));
  return { dns: [...new Set(broadest)].sort(), addresses: [...new Set(addresses)].sort() };
}

function fixedSuffix(pattern: string): string {
  const star = pattern.lastIndexOf('*');
  if (star === -1) return canonicalName(pattern);
  const dot = pattern.indexOf('.', star);
  if (dot === -1 || dot === pattern.length - 1) {
    throw new OutpostError('OUT_CA_UNUSABLE', `host pattern ${JSON.stringify(pattern)} has no fixed suffix`);
  }
  return canonicalName(pattern.slice(dot + 1));
}

/** Would a client that enforces the constraints accept this canonical name? */
export function permits(permitted: PermittedNames, name: string): boolean {
  if (addressBytes(name) !== undefined) return permitted.addresses.includes(name);
  return permitted.dns.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}
