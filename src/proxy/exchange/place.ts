// SPDX-License-Identifier: Apache-2.0
// Stage 1: whose call is it, before anything of it is read: by host when intercepted, by the first path segment at the gateway.
// Pure.

import type { Recognised } from '../dialects/dialect.ts';
import { type Address, hasDotSegments, recognise, recogniseUpgrade } from '../dialects/index.ts';
import type { HostDecision, Policy, Provider } from '../policy/policy.ts';
import { originProvider, PROVIDER_TYPES, upstreamTarget } from '../upstream/provider-types.ts';
import type { Call } from './call.ts';

/** Where a call belongs before anything of it is read. */
export type Placed =
  | {
      readonly kind: 'govern';
      readonly host: string;
      readonly provider: Provider;
      readonly setHeaders: HostDecision['setHeaders'];
      /** AI traffic; false: governed only because our credential goes with it. */
      readonly inference: boolean;
      readonly recognised: Recognised | undefined;
      /** What `recognised` was found by. */
      readonly address: Address;
    }
  | {
      readonly kind: 'relay';
      readonly host: string;
      readonly provider: Provider;
      readonly setHeaders: HostDecision['setHeaders'];
    }
  | { readonly kind: 'blocked'; readonly host: string; readonly provider: Provider; readonly rule: string }
  | { readonly kind: 'no-provider' };

export function place(call: Call, policy: Policy): Placed {
  if (call.entrance === 'gateway') {
    const provider = policy.providerForGateway(call.provider ?? '');
    if (provider === undefined) return { kind: 'no-provider' };
    return governOrRelay(call, policy, provider, catalogueHost(provider), cataloguePath(provider, call), []);
  }
  const { host } = call;
  const { action, rule, setHeaders } = policy.decideHost(host);
  const origin = (): Provider => originProvider(call.scheme, host, call.port);
  const provider = policy.providerForHost(host) ?? origin();
  switch (action) {
    case 'block':
      return { kind: 'blocked', host, provider, rule };
    case 'govern':
      return governOrRelay(call, policy, provider, host, pathOf(call.target), setHeaders);
    case 'header':
    case 'tunnel':
      return { kind: 'relay', host, provider: origin(), setHeaders };
  }
}

function governOrRelay(
  call: Call,
  policy: Policy,
  provider: Provider,
  host: string,
  path: string,
  setHeaders: HostDecision['setHeaders'],
): Placed {
  // A path that any dialect knows is AI traffic however it is spelt: `//v1/…` must not slip past the catalogue's globs.
  const address = { method: call.method, host, providerType: provider.type, path };
  const known = call.kind === 'http' ? recognise(address) : recogniseUpgrade(address);
  const inference = known !== undefined || policy.governsPath(host, path);
  // Our own credential never leaves unrecorded, whatever it is used for.
  return inference || provider.credential.kind === 'keys'
    ? { kind: 'govern', host, provider, setHeaders, inference, recognised: known, address }
    : { kind: 'relay', host, provider, setHeaders };
}

/** The host whose catalogue paths hold for a provider: the vendor's own, whatever `base_url` says. */
function catalogueHost(provider: Provider): string {
  const named = provider.hosts.find((pattern) => !pattern.includes('*'));
  return named ?? provider.base.host;
}

/** A gateway call's path as the vendor's own host would see it. */
function cataloguePath(provider: Provider, call: Call): string {
  const info = PROVIDER_TYPES[provider.type];
  const vendor: Provider = { ...provider, base: { ...provider.base, basePath: info.originBasePath } };
  return pathOf(upstreamTarget(vendor, call).path);
}

/** Would an origin that resolves dot segments see another path than the rules do? Governed calls with such a path are refused. */
export function isAmbiguous(call: Call, policy: Policy): boolean {
  if (!hasDotSegments(pathOf(call.target))) return false;
  return call.entrance === 'gateway' || policy.decideHost(call.host).action === 'govern';
}

/** What the caller of an ambiguous path is told. */
export const AMBIGUOUS = 'The path of the request has dot segments, so it could mean two things.';

export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

export function originOf(place: { readonly scheme: string; readonly host: string; readonly port: number }): string {
  return `${place.scheme}://${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`;
}

/** The Host value as clients write it: without the scheme's own port. */
export function hostHeader(place: { readonly scheme: string; readonly host: string; readonly port: number }): string {
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  const usual = place.scheme === 'https' ? 443 : 80;
  return place.port === usual ? host : `${host}:${place.port}`;
}
