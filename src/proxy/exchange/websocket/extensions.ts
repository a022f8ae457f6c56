// SPDX-License-Identifier: Apache-2.0
// What the upstream's Sec-WebSocket-Extensions answer means for reading messages (RFC 6455 section 9, RFC 7692 section 7).
// Pure. Knows nothing of frames or zlib.

/** `unknown`: something that we cannot read was agreed; messages under it are opaque. */
export type Extension =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'deflate'; readonly clientTakeover: boolean; readonly serverTakeover: boolean };

const FLAGS = new Set(['server_no_context_takeover', 'client_no_context_takeover']);
const WINDOWS = new Set(['server_max_window_bits', 'client_max_window_bits']);

/**
 * Reads the values of all Sec-WebSocket-Extensions headers of a 101 answer. Window bits are checked but otherwise not
 * needed: a 32 KiB window reads every stream written with a smaller one, and zlib writes 9 bits where 8 were agreed.
 */
export function readExtensions(values: readonly string[]): Extension {
  const agreed = values
    .join(',')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const only = agreed[0];
  if (only === undefined) return { kind: 'none' };
  if (agreed.length > 1) return { kind: 'unknown' };

  const [name = '', ...parameters] = only.split(';').map((part) => part.trim());
  if (name.toLowerCase() !== 'permessage-deflate') return { kind: 'unknown' };
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const [, key = '', , value] = /^([\w-]+)(\s*=\s*"?([^"]*)"?)?$/.exec(parameter.toLowerCase()) ?? [];
    const known = FLAGS.has(key) ? value === undefined : WINDOWS.has(key) && /^(?:[89]|1[0-5])$/.test(value ?? '');
    if (!known || seen.has(key)) return { kind: 'unknown' };
    seen.add(key);
  }
  return {
    kind: 'deflate',
    clientTakeover: !seen.has('client_no_context_takeover'),
    serverTakeover: !seen.has('server_no_context_takeover'),
  };
}
