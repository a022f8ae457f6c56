// SPDX-License-Identifier: Apache-2.0
// The PAC file: exactly the governed hosts go to the proxy, everything else goes directly. Pure: text from values.
// Written in the JavaScript of 1999, because Windows runs it with an engine of that age. Never resolves names.

export interface PacOptions {
  /** Lower-case host patterns: exact names, or with `*` for one or more characters (dots included). */
  readonly governed: readonly string[];
  /** The proxy on loopback, `127.0.0.1:PORT`. */
  readonly proxyHostPort: string;
  /** What a browser does when the agent does not answer: go directly, or fail. */
  readonly failMode: 'open' | 'closed';
}

const PATTERN = /^[a-z0-9_*-]+(?:\.[a-z0-9_*-]+)+$/;
const PROXY = /^(?:127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}$/;

/**
 * The script. Throws a RangeError for a pattern or proxy address with any character that is not part of a host name, so nothing
 * can be injected, and for a pattern without a dot (plain host names are never governed).
 */
export function pacFile({ governed, proxyHostPort, failMode }: PacOptions): string {
  if (!PROXY.test(proxyHostPort)) throw new RangeError('the proxy must be on loopback');
  const bad = governed.find((pattern) => !PATTERN.test(pattern) || pattern.length > 253);
  if (bad !== undefined) throw new RangeError(`not a host pattern: ${JSON.stringify(bad)}`);
  const exact = governed.filter((pattern) => !pattern.includes('*'));
  const suffixes = governed.filter((pattern) => /^\*\.[^*]+$/.test(pattern)).map((pattern) => pattern.slice(1));
  const globs = governed.filter((pattern) => pattern.includes('*') && !/^\*\.[^*]+$/.test(pattern));
  const proxy = `PROXY ${proxyHostPort}${failMode === 'open' ? '; DIRECT' : ''}`;
  return `var EXACT = {${exact.map((name) => `${JSON.stringify(name)}: 1`).join(', ')}};
var SUFFIXES = ${JSON.stringify(suffixes)};
var GLOBS = ${JSON.stringify(globs)};
function FindProxyForURL(url, host) {
  var i;
  host = String(host).toLowerCase();
  if (host.charAt(host.length - 1) === '.') host = host.substring(0, host.length - 1);
  if (host.indexOf(':') >= 0 || host.indexOf('.') < 0) return 'DIRECT';
  if (/^[0-9.]+$/.test(host)) return 'DIRECT';
  if (/\\.(localhost|local)$/.test(host)) return 'DIRECT';
  if (Object.prototype.hasOwnProperty.call(EXACT, host)) return ${JSON.stringify(proxy)};
  for (i = 0; i < SUFFIXES.length; i++) {
    if (host.length > SUFFIXES[i].length && dnsDomainIs(host, SUFFIXES[i])) return ${JSON.stringify(proxy)};
  }
  for (i = 0; i < GLOBS.length; i++) {
    if (shExpMatch(host, GLOBS[i])) return ${JSON.stringify(proxy)};
  }
  return 'DIRECT';
}
`;
}
