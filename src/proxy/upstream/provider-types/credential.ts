// SPDX-License-Identifier: Apache-2.0
// Which headers and query parameters carry a credential, and the caller's exchanged for ours in a call that keeps its own headers.
// Pure. Attempts with headers of our own are ../transport.ts.

import type { RawHeaders } from '../../exchange/call.ts';
import type { Provider, ProviderKey } from '../../policy/policy.ts';
import type { AuthScheme } from './provider-type.ts';
import { PROVIDER_TYPES } from './table.ts';

/** Lower-case headers that carry or bind a caller's credential or account. All of them go when ours replaces it. */
export const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'x-amz-security-token',
  'x-amz-date',
  'x-amz-content-sha256',
  // The caller's account: with another key it only leads to a 401.
  'openai-organization',
  'openai-project',
  'x-goog-user-project',
]);

/** Query parameters that carry a credential (Gemini's `?key=`). */
const CREDENTIAL_QUERY: ReadonlySet<string> = new Set(['key']);

/** Sub-protocol by which browsers hand an OpenAI key to a WebSocket. */
const CREDENTIAL_PROTOCOL = /^openai-(?:insecure-api-key|organization|project)\./i;

/** A key that is one text, as the header of a scheme. The name is lower case. */
export function authHeader(scheme: AuthScheme, value: string): readonly [string, string] {
  return scheme === 'bearer' ? ['authorization', `Bearer ${value}`] : [scheme, value];
}

function isCredentialParameter(pair: string): boolean {
  const name = pair.split('=', 1)[0] ?? '';
  if (CREDENTIAL_QUERY.has(name)) return true;
  if (!name.includes('%')) return false;
  try {
    return CREDENTIAL_QUERY.has(decodeURIComponent(name));
  } catch {
    return false;
  }
}

function withoutCredentialQuery(target: string): string {
  const mark = target.indexOf('?');
  if (mark < 0) return target;
  const pairs = target.slice(mark + 1).split('&');
  const kept = pairs.filter((pair) => !isCredentialParameter(pair));
  if (kept.length === pairs.length) return target;
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join('&')}`;
}

/** Ours as a header; undefined: no credential, or AWS keys, with which nothing but a whole request can be signed. */
function ownHeader(
  provider: Provider,
  key: ProviderKey | undefined,
  token: string | undefined,
): readonly [string, string] | undefined {
  switch (key?.secret.kind) {
    case 'text':
      return authHeader(PROVIDER_TYPES[provider.type].auth, key.secret.value);
    case 'google':
      return token === undefined ? undefined : authHeader('bearer', token);
    default:
      return undefined;
  }
}

/**
 * The headers and the target with the credential with which the call goes out. `client`: the same values, untouched. Else every
 * credential of the caller is removed, and ours stands in its place (at the end where there was none) if the provider has one.
 * @param key one of the provider's; default: its first.
 * @param token the bearer token of a service account's key (google-token.ts).
 */
export function applyCredential(
  provider: Provider,
  rawHeaders: RawHeaders,
  target: string,
  key: ProviderKey | undefined = provider.credential.kind === 'keys' ? provider.credential.keys[0] : undefined,
  token?: string,
): { readonly headers: RawHeaders; readonly target: string } {
  if (provider.credential.kind === 'client') return { headers: rawHeaders, target };
  const own = ownHeader(provider, key, token);
  const headers: string[] = [];
  let place = -1;
  let spelling = own?.[0] ?? '';
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (CREDENTIAL_HEADERS.has(lower)) {
      if (place < 0) place = headers.length;
      if (lower === own?.[0]) spelling = name;
    } else if (lower === 'sec-websocket-protocol') {
      const protocols = (rawHeaders[i + 1] ?? '').split(',').map((protocol) => protocol.trim());
      const kept = protocols.filter((protocol) => !CREDENTIAL_PROTOCOL.test(protocol));
      if (kept.length === protocols.length) headers.push(name, rawHeaders[i + 1] ?? '');
      else if (kept.length > 0) headers.push(name, kept.join(', '));
    } else headers.push(name, rawHeaders[i + 1] ?? '');
  }
  if (own !== undefined) headers.splice(place < 0 ? headers.length : place, 0, spelling, own[1]);
  return { headers, target: withoutCredentialQuery(target) };
}
