// SPDX-License-Identifier: Apache-2.0
// What each type of provider is on the wire: default base URL, path layout, credential, host names. A data table and pure
// functions from a call to the place and the headers with which it goes out. Must not know sockets, policy rules, dialects.

import { hostMatches, normaliseHost } from '../../contract/host-pattern.ts';
import type { RawHeaders } from '../exchange/call.ts';
import type { Provider } from '../policy/policy.ts';

export type ProviderType =
  | 'openai'
  | 'anthropic'
  | 'gemini'
  | 'vertex'
  | 'bedrock'
  | 'azure'
  | 'mistral'
  | 'cohere'
  | 'groq'
  | 'ollama'
  | 'openai-compatible';

/**
 * Which request shapes a provider takes. A route may only change the target within one family. Vertex is its own: its paths
 * carry project and location, so a Gemini call cannot become one by a change of prefix.
 */
export type DialectFamily = 'openai' | 'anthropic' | 'gemini' | 'vertex' | 'bedrock' | 'cohere' | 'ollama';

/** How a literal api_key is sent. */
export type AuthScheme = 'bearer' | 'x-api-key' | 'x-goog-api-key' | 'api-key';

export interface ProviderTypeInfo {
  /** As the vendor's SDK understands it; undefined: there is no one address, so the gateway and routes need `base_url`. */
  readonly defaultBaseUrl: string | undefined;
  /** The part of a path on the vendor's own hosts that `base_url` already contains. */
  readonly originBasePath: string;
  /** Endings of a `base_url` that say what the SDK adds itself; they are dropped (both styles are in the vendors' docs). */
  readonly impliedSuffixes: readonly string[];
  /** Gateway only: paths that lack the SDK's own prefix, and that prefix. First match wins. */
  readonly barePaths: readonly (readonly [RegExp, string])[];
  /** Hosts of the vendor, as patterns (host-pattern.ts). */
  readonly hosts: readonly string[];
  readonly auth: AuthScheme;
  readonly family: DialectFamily;
}

/**
 * Sources: the default base URLs of the vendors' SDKs (openai, @anthropic-ai/sdk, @google/genai, @mistralai/mistralai,
 * cohere-ai, groq-sdk, ollama) and their documentation of the REST paths.
 */
export const PROVIDER_TYPES: Readonly<Record<ProviderType, ProviderTypeInfo>> = {
  openai: {
    defaultBaseUrl: 'https://api.openai.com/v1',
    originBasePath: '/v1',
    impliedSuffixes: [],
    barePaths: [],
    hosts: ['api.openai.com', 'eu.api.openai.com', 'us.api.openai.com'],
    auth: 'bearer',
    family: 'openai',
  },
  anthropic: {
    defaultBaseUrl: 'https://api.anthropic.com',
    originBasePath: '',
    impliedSuffixes: [],
    barePaths: [[/^\/(?:messages|complete|models|files)(?![^/?])/, '/v1']],
    hosts: ['api.anthropic.com'],
    auth: 'x-api-key',
    family: 'anthropic',
  },
  gemini: {
    defaultBaseUrl: 'https://generativelanguage.googleapis.com',
    originBasePath: '',
    impliedSuffixes: [],
    barePaths: [[/^\/models(?![^/?])/, '/v1beta']],
    hosts: ['generativelanguage.googleapis.com'],
    auth: 'x-goog-api-key',
    family: 'gemini',
  },
  vertex: {
    defaultBaseUrl: undefined,
    originBasePath: '',
    impliedSuffixes: [],
    barePaths: [],
    hosts: [
      '*-aiplatform.googleapis.com',
      'aiplatform.eu.rep.googleapis.com',
      'aiplatform.googleapis.com',
      'aiplatform.us.rep.googleapis.com',
    ],
    auth: 'bearer',
    family: 'vertex',
  },
  bedrock: {
    defaultBaseUrl: undefined,
    originBasePath: '',
    impliedSuffixes: [],
    barePaths: [],
    hosts: ['bedrock-runtime-fips.*.amazonaws.com', 'bedrock-runtime.*.amazonaws.com'],
    auth: 'bearer',
    family: 'bedrock',
  },
  azure: {
    // `azure_endpoint` of the SDK is the bare resource; the OpenAI style of base_url ends in /openai or /openai/v1.
    defaultBaseUrl: undefined,
    originBasePath: '',
    impliedSuffixes: ['/openai/v1', '/openai'],
    barePaths: [
      [/^\/(?:deployments|v1)(?![^/?])/, '/openai'],
      // Without /models: that is a path of its own on Azure AI Foundry hosts.
      [/^\/(?:chat|responses|completions|embeddings|images|audio|realtime)(?![^/?])/, '/openai/v1'],
    ],
    hosts: ['*.cognitiveservices.azure.com', '*.openai.azure.com', '*.services.ai.azure.com'],
    auth: 'api-key',
    family: 'openai',
  },
  mistral: {
    // The SDK's server URL is bare; OpenAI-style clients write /v1.
    defaultBaseUrl: 'https://api.mistral.ai',
    originBasePath: '',
    impliedSuffixes: ['/v1'],
    barePaths: [[/^\/(?!v\d)/, '/v1']],
    hosts: ['api.mistral.ai', 'codestral.mistral.ai'],
    auth: 'bearer',
    family: 'openai',
  },
  cohere: {
    defaultBaseUrl: 'https://api.cohere.com',
    originBasePath: '',
    impliedSuffixes: [],
    barePaths: [[/^\/(?:chat|embed|rerank)(?![^/?])/, '/v2']],
    hosts: ['api.cohere.ai', 'api.cohere.com'],
    auth: 'bearer',
    family: 'cohere',
  },
  groq: {
    // OpenAI style; groq-sdk's own base URL is bare and it adds /openai/v1 itself. baseOf takes both.
    defaultBaseUrl: 'https://api.groq.com/openai/v1',
    originBasePath: '/openai/v1',
    impliedSuffixes: [],
    barePaths: [[/^\/v1(?![^/?])/, '/openai']],
    hosts: ['api.groq.com'],
    auth: 'bearer',
    family: 'openai',
  },
  ollama: {
    defaultBaseUrl: 'http://127.0.0.1:11434',
    originBasePath: '',
    impliedSuffixes: ['/v1', '/api'],
    barePaths: [[/^\/(?:chat\/completions|completions|responses|embeddings|models)(?![^/?])/, '/v1']],
    hosts: ['ollama.com'],
    auth: 'bearer',
    family: 'ollama',
  },
  'openai-compatible': {
    defaultBaseUrl: undefined,
    originBasePath: '/v1',
    impliedSuffixes: [],
    barePaths: [],
    hosts: [],
    auth: 'bearer',
    family: 'openai',
  },
};

/** The type that owns a host by the table, if any. */
export function typeOfHost(host: string): ProviderType | undefined {
  const name = normaliseHost(host);
  for (const [type, info] of Object.entries(PROVIDER_TYPES)) {
    if (info.hosts.some((pattern) => hostMatches(pattern, name))) return type as ProviderType;
  }
  return undefined;
}

/**
 * A `base_url` as parts. The caller has checked it (scheme, no userinfo, query or fragment: src/contract/config.ts).
 * Throws TypeError on what is no URL.
 */
export function baseOf(type: ProviderType, baseUrl: string): Provider['base'] {
  const url = new URL(baseUrl);
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  let basePath = url.pathname.replace(/\/+$/, '');
  const suffix = PROVIDER_TYPES[type].impliedSuffixes.find((ending) => basePath.endsWith(ending));
  if (suffix !== undefined) basePath = basePath.slice(0, -suffix.length);
  if (type === 'groq' && !basePath.endsWith('/v1')) basePath += '/openai/v1';
  return {
    scheme,
    host: normaliseHost(url.hostname),
    port: url.port === '' ? (scheme === 'http' ? 80 : 443) : Number(url.port),
    basePath,
  };
}

/**
 * The provider of a governed host that no one configured: its own origin, the caller's credential. Its name is the vendor's
 * type where the table knows the host, else the host itself.
 */
export function originProvider(scheme: 'https' | 'http', host: string, port: number): Provider {
  const name = normaliseHost(host);
  const type = typeOfHost(name);
  return {
    name: type ?? name,
    type: type ?? 'openai-compatible',
    base: { scheme, host: name, port, basePath: type === undefined ? '' : PROVIDER_TYPES[type].originBasePath },
    credential: { kind: 'client' },
    hosts: [name],
    keepHost: true,
  };
}

/** Where a call goes. `path` has the query. */
export interface UpstreamTarget {
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface AddressedCall {
  readonly entrance: 'intercept' | 'gateway';
  /** Intercept only: how the client spoke to that host; https when absent. */
  readonly scheme?: 'https' | 'http';
  /** Host that the client believes it talks to; '' for the gateway. */
  readonly host: string;
  /** Intercept only: the port that the client named; 443 when absent. */
  readonly port?: number;
  /** Path and query as sent; for the gateway without the provider segment. */
  readonly target: string;
  /** Type of the provider that the call was addressed to, where a route chose another; else the host's or `provider`'s own. */
  readonly sourceType?: ProviderType;
}

/** `prefix` off `path` at a segment boundary; undefined when it is not there. */
function without(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return rest === '' || rest.startsWith('/') ? rest : undefined;
}

/** How each type of the OpenAI family writes the prefix of an operation on its own hosts. For routes across types. */
const OPENAI_PREFIX: Readonly<Partial<Record<ProviderType, RegExp>>> = {
  openai: /^\/v1(?=\/)/,
  groq: /^\/openai\/v1(?=\/)/,
  mistral: /^\/v1(?=\/)/,
  azure: /^\/openai\/(?:v1|deployments\/[^/]+)(?=\/)/,
  'openai-compatible': /^(?:\/[^/]+){0,2}\/v1(?=\/)/,
};

/** What such a type's `base_url` does not contain (see impliedSuffixes) and its SDK adds. */
const OPENAI_SDK_PATH: Readonly<Partial<Record<ProviderType, string>>> = {
  mistral: '/v1',
  azure: '/openai/v1',
};

function pathAtProvider(provider: Provider, call: AddressedCall, path: string, source: ProviderType): string {
  const base = provider.base.basePath;
  const info = PROVIDER_TYPES[provider.type];
  // The SDK's own prefix first: both styles of writing a gateway base URL end in the same place.
  const bare =
    call.entrance === 'gateway' ? PROVIDER_TYPES[source].barePaths.find(([when]) => when.test(path)) : undefined;
  if (bare !== undefined) path = `${bare[1]}${path}`;

  if (source !== provider.type && PROVIDER_TYPES[source].family === 'openai' && info.family === 'openai') {
    const prefix = OPENAI_PREFIX[source]?.exec(path)?.[0];
    const operation = prefix !== undefined ? path.slice(prefix.length) : call.entrance === 'gateway' ? path : undefined;
    return operation === undefined ? path : `${base}${OPENAI_SDK_PATH[provider.type] ?? ''}${operation}`;
  }
  if (provider.type === 'openai-compatible') {
    // No one layout: the base path itself, else everything up to the version segment.
    const own = base === '' ? undefined : without(path, base);
    const prefix = OPENAI_PREFIX['openai-compatible']?.exec(path)?.[0];
    if (own !== undefined) return `${base}${own}`;
    if (call.entrance === 'gateway') return `${base}${without(path, '/v1') ?? path}`;
    if (prefix !== undefined && call.host !== provider.base.host) return `${base}${path.slice(prefix.length)}`;
    return path;
  }
  if (info.originBasePath === '') return `${base}${path}`;
  const rest = without(path, info.originBasePath);
  if (rest !== undefined) return `${base}${rest}`;
  // Outside the API's base: at the gateway the short form of it, intercepted the same path of the provider's origin.
  return call.entrance === 'gateway' ? `${base}${path}` : path;
}

/**
 * Maps a call to the provider's `base_url`: the vendor's base path is replaced by the provider's, and what lies outside it goes
 * to the same path of the provider's origin. The query is kept byte for byte. An intercepted call to one of the provider's hosts
 * keeps host and path where no `base_url` was set: regions and resources are part of the host.
 */
export function upstreamTarget(provider: Provider, call: AddressedCall): UpstreamTarget {
  const host = normaliseHost(call.host);
  if (
    call.entrance === 'intercept' &&
    (provider.base.host === '' ||
      (provider.keepHost === true && provider.hosts.some((pattern) => hostMatches(pattern, host))))
  ) {
    // A key of ours never travels in clear text, whatever the client chose.
    const clear = call.scheme === 'http' && provider.credential.kind === 'client';
    const port = call.scheme === 'http' && !clear ? 443 : (call.port ?? (clear ? 80 : 443));
    return { scheme: clear ? 'http' : 'https', host, port, path: call.target };
  }
  const { scheme, port } = provider.base;
  const mark = call.target.indexOf('?');
  const path = mark < 0 ? call.target : call.target.slice(0, mark);
  const query = mark < 0 ? '' : call.target.slice(mark);
  // `*` (OPTIONS) has no path to map.
  if (!path.startsWith('/')) return { scheme, host: provider.base.host, port, path: call.target };
  const source = call.sourceType ?? (call.entrance === 'intercept' ? typeOfHost(host) : undefined) ?? provider.type;
  return { scheme, host: provider.base.host, port, path: `${pathAtProvider(provider, call, path, source)}${query}` };
}

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

function authHeader(scheme: AuthScheme, value: string): readonly [string, string] {
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

/**
 * The headers and the target with the credential with which the call goes out. `client`: the same values, untouched. `literal`:
 * every credential of the caller is removed and ours stands in its place (at the end where there was none).
 */
export function applyCredential(
  provider: Provider,
  rawHeaders: RawHeaders,
  target: string,
): { readonly headers: RawHeaders; readonly target: string } {
  if (provider.credential.kind === 'client') return { headers: rawHeaders, target };
  const [ownName, ownValue] = authHeader(PROVIDER_TYPES[provider.type].auth, provider.credential.value);
  const headers: string[] = [];
  let place = -1;
  let spelling = ownName;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (CREDENTIAL_HEADERS.has(lower)) {
      if (place < 0) place = headers.length;
      if (lower === ownName) spelling = name;
    } else if (lower === 'sec-websocket-protocol') {
      const protocols = (rawHeaders[i + 1] ?? '').split(',').map((protocol) => protocol.trim());
      const kept = protocols.filter((protocol) => !CREDENTIAL_PROTOCOL.test(protocol));
      if (kept.length === protocols.length) headers.push(name, rawHeaders[i + 1] ?? '');
      else if (kept.length > 0) headers.push(name, kept.join(', '));
    } else headers.push(name, rawHeaders[i + 1] ?? '');
  }
  headers.splice(place < 0 ? headers.length : place, 0, spelling, ownValue);
  return { headers, target: withoutCredentialQuery(target) };
}
