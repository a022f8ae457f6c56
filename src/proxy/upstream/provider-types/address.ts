// SPDX-License-Identifier: Apache-2.0
// Where a call goes that keeps its own path: from what the caller addressed to the provider's base URL. Pure. Must not know policy
// rules, dialects or what the call is for; attempts of a chain with a path of our own are ../transport.ts.

import { hostMatches, normaliseHost } from '../../../contract/host-pattern.ts';
import type { Provider } from '../../policy/policy.ts';
import type { ProviderType } from './provider-type.ts';
import { PROVIDER_TYPES, typeOfHost } from './table.ts';

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

/** Locations of Vertex that are served by more than one region have a host of their own kind. */
function vertexHost(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com';
  if (location === 'us' || location === 'eu') return `aiplatform.${location}.rep.googleapis.com`;
  return `${location}-aiplatform.googleapis.com`;
}

/**
 * The address that a place in a vendor's cloud stands for, where no `base_url` says another; undefined: the type has none, or
 * something of the place is missing. Vertex needs its project too, for the paths.
 */
export function placedBase(type: ProviderType, placement: Provider['placement']): Provider['base'] | undefined {
  const { region, project, location } = placement ?? {};
  const at = (host: string): Provider['base'] => ({ scheme: 'https', host, port: 443, basePath: '' });
  if (type === 'bedrock' && region !== undefined) {
    return at(`bedrock-runtime.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
  }
  if (type === 'vertex' && location !== undefined && project !== undefined) return at(vertexHost(location));
  return undefined;
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

/**
 * How types of the OpenAI family write the prefix of an operation on their own hosts, where that is not just their base path.
 * For routes across types.
 */
const OPENAI_PREFIX: Readonly<Partial<Record<ProviderType, RegExp>>> = {
  mistral: /^\/v1(?=\/)/,
  azure: /^\/openai\/(?:v1|deployments\/[^/]+)(?=\/)/,
  deepseek: /^(?:\/v1)?(?=\/)/,
  perplexity: /^(?:\/v1)?(?=\/)/,
  'openai-compatible': /^(?:\/[^/]+){0,2}\/v1(?=\/)/,
};

/** What such a type's `base_url` does not contain (see impliedSuffixes) and its SDK adds. */
const OPENAI_SDK_PATH: Readonly<Partial<Record<ProviderType, string>>> = {
  mistral: '/v1',
  azure: '/openai/v1',
};

/** What comes after the version in a path of a type of the OpenAI family; undefined: the path is not below it. */
function operationOf(source: ProviderType, path: string): string | undefined {
  const pattern = OPENAI_PREFIX[source];
  if (pattern === undefined) return without(path, PROVIDER_TYPES[source].originBasePath);
  const prefix = pattern.exec(path)?.[0];
  return prefix === undefined ? undefined : path.slice(prefix.length);
}

function pathAtProvider(provider: Provider, call: AddressedCall, path: string, source: ProviderType): string {
  const base = provider.base.basePath;
  const info = PROVIDER_TYPES[provider.type];
  // The SDK's own prefix first: both styles of writing a gateway base URL end in the same place.
  const bare =
    call.entrance === 'gateway' ? PROVIDER_TYPES[source].barePaths.find(([when]) => when.test(path)) : undefined;
  if (bare !== undefined) path = `${bare[1]}${path}`;

  if (source !== provider.type && PROVIDER_TYPES[source].family === 'openai' && info.family === 'openai') {
    const operation = operationOf(source, path) ?? (call.entrance === 'gateway' ? path : undefined);
    return operation === undefined ? path : `${base}${OPENAI_SDK_PATH[provider.type] ?? ''}${operation}`;
  }
  if (provider.type === 'openai-compatible') {
    // No one layout: the base path itself, else everything up to the version segment.
    const own = base === '' ? undefined : without(path, base);
    if (own !== undefined) return `${base}${own}`;
    if (call.entrance === 'gateway') return `${base}${without(path, '/v1') ?? path}`;
    const operation = operationOf('openai-compatible', path);
    if (operation !== undefined && call.host !== provider.base.host) return `${base}${operation}`;
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
    const clear = call.scheme === 'http' && provider.credential.kind !== 'keys';
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

/** The Host value as clients write it: without the scheme's own port. */
export function authorityOf(place: Pick<UpstreamTarget, 'scheme' | 'host' | 'port'>): string {
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  const usual = place.scheme === 'https' ? 443 : 80;
  return place.port === usual ? host : `${host}:${place.port}`;
}
