// SPDX-License-Identifier: Apache-2.0
// Host names and the patterns that match them. One meaning everywhere: configuration, catalogue, provider types and PAC file.
// Pure. Must not know what a match is used for.

/** Longest name that DNS can carry (RFC 1035, without the trailing dot). */
const MAX_HOST = 253;

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A label with one `*` in it: the star stands for one or more characters of this label. */
const STAR_LABEL = /^(?:[a-z0-9_][a-z0-9_-]{0,60})?\*(?:[a-z0-9_-]{0,60}[a-z0-9_])?$/;
const IPV6 = /^[0-9a-f:.]{2,45}$/;

/** Lower case, without one trailing dot and without the brackets of an IPv6 literal. */
export function normaliseHost(host: string): string {
  let name = host.toLowerCase();
  if (name.startsWith('[') && name.endsWith(']')) name = name.slice(1, -1);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/**
 * Says what is wrong with a host pattern; undefined when it is good. Patterns are lower case: an exact name, `*.suffix` (any
 * depth below the suffix, not the suffix itself), or at most one `*` within a label (`bedrock-runtime.*.amazonaws.com`).
 */
export function hostPatternError(pattern: string): string | undefined {
  if (pattern.length === 0 || pattern.length > MAX_HOST) return 'must be 1 to 253 characters long';
  if (pattern.includes(':')) {
    return IPV6.test(pattern) ? undefined : 'must be a host name without scheme, port or path';
  }
  if (/[/@?#\s]/.test(pattern)) return 'must be a host name without scheme, port or path';
  if (pattern !== pattern.toLowerCase()) return 'must be lower case';
  const labels = pattern.split('.');
  for (const label of labels) {
    if (label === '') return 'must not have empty labels (two dots, or a dot at the start or end)';
    if (!label.includes('*')) {
      if (!LABEL.test(label)) return `has the invalid label "${label}"`;
    } else if (!STAR_LABEL.test(label)) return `may have one "*" in a label, not "${label}"`;
  }
  if (pattern.includes('*')) {
    // A pattern must name whom it means: `*`, `*.com` or `api.*.*` would reach far beyond one vendor.
    const tail = labels.slice(-2);
    if (tail.length < 2 || tail.some((label) => label.includes('*'))) return 'must end in two labels without "*"';
  }
  return undefined;
}

/** One label against one label pattern. At most one `*` (see hostPatternError), so this is linear. */
function labelMatches(pattern: string, label: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === label;
  return (
    label.length >= pattern.length &&
    label.startsWith(pattern.slice(0, star)) &&
    label.endsWith(pattern.slice(star + 1))
  );
}

/** Does `host` (as normaliseHost gives it) match the valid pattern? Linear in the length of both. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.includes('*')) return pattern === host;
  if (host.length > MAX_HOST) return false;
  const patterns = pattern.split('.');
  const labels = host.split('.');
  if (patterns[0] === '*') {
    // `*.suffix`: any depth below.
    if (labels.length < patterns.length) return false;
    const from = labels.length - patterns.length;
    if (labels.includes('')) return false;
    return patterns.every((part, index) => index === 0 || labelMatches(part, labels[from + index] ?? ''));
  }
  return patterns.length === labels.length && patterns.every((part, index) => labelMatches(part, labels[index] ?? ''));
}
