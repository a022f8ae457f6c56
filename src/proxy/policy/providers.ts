// SPDX-License-Identifier: Apache-2.0
// The providers of the configuration: resolved, checked against each other, and looked up. Pure.

import type { Config } from '../../contract/config.ts';
import { hostMatches } from '../../contract/host-pattern.ts';
import { baseOf, PROVIDER_TYPES, type ProviderType, placedBase } from '../upstream/provider-types.ts';
import { credentialOf, type KeySources } from './keys.ts';
import type { ConfigIssue } from './parse.ts';
import type { Provider, ProviderTuning } from './policy.ts';
import { compileModelMap } from './routes.ts';
import { providerTuning } from './tuning.ts';

/** A provider without an address of its own: only intercepted calls can use it. */
const NO_BASE: Provider['base'] = { scheme: 'https', host: '', port: 443, basePath: '' };

function isType(name: string): name is ProviderType {
  return Object.hasOwn(PROVIDER_TYPES, name);
}

/** A service without hosts of its own is reached at the host of its base_url, unless that is this machine. */
function defaultHosts(type: ProviderType, base: Provider['base']): readonly string[] {
  const { hosts } = PROVIDER_TYPES[type];
  if (hosts.length > 0) return hosts;
  return base.host === '' || base.scheme === 'http' || /^[\d.]+$|:|^localhost$/.test(base.host) ? [] : [base.host];
}

/** Keys that say where in a vendor's cloud, and whose they are. */
const PLACE_KEYS = [
  ['region', 'bedrock'],
  ['project', 'vertex'],
  ['location', 'vertex'],
  ['api_version', 'azure'],
] as const;

function placementOf(entry: NonNullable<Config['providers']>[number]): NonNullable<Provider['placement']> {
  return Object.freeze({
    ...(entry.region === undefined ? {} : { region: entry.region }),
    ...(entry.project === undefined ? {} : { project: entry.project }),
    ...(entry.location === undefined ? {} : { location: entry.location }),
    ...(entry.api_version === undefined ? {} : { apiVersion: entry.api_version }),
  });
}

/** Resolves `providers`. Problems are pushed to `issues`; the affected provider is then left out. */
export function compileProviders(
  config: Config,
  given: KeySources & { readonly tuning: ProviderTuning },
  issues: ConfigIssue[],
): readonly Provider[] {
  const names = new Set<string>();
  return (config.providers ?? []).flatMap((entry, index): Provider[] => {
    const say = (key: string, message: string) => issues.push({ path: ['providers', index, key], message });
    const before = issues.length;
    if (names.has(entry.name)) say('name', `the provider name "${entry.name}" is used twice`);
    names.add(entry.name);
    if (isType(entry.name) && entry.name !== entry.type) {
      say('name', `"${entry.name}" is the name of another provider type and would hide it at the gateway`);
    }
    const url = entry.base_url ?? PROVIDER_TYPES[entry.type].defaultBaseUrl;
    if (url === undefined && entry.type.endsWith('-compatible')) say('type', `type "${entry.type}" needs base_url`);
    for (const [key, type] of PLACE_KEYS) {
      if (entry[key] !== undefined && entry.type !== type) say(key, `only type "${type}" has a ${key}`);
    }
    if (entry.aws !== undefined && entry.region === undefined) say('region', 'AWS keys sign for one region: say which');
    const credential = credentialOf(entry, given, say);
    if (issues.length > before) return [];
    const placement = placementOf(entry);
    const base = url === undefined ? (placedBase(entry.type, placement) ?? NO_BASE) : baseOf(entry.type, url);
    const hosts = Object.freeze([...(entry.hosts ?? defaultHosts(entry.type, base))]);
    return [
      Object.freeze({
        name: entry.name,
        type: entry.type,
        base: Object.freeze(base),
        credential: Object.freeze(credential),
        hosts,
        ...(entry.base_url === undefined ? { keepHost: true } : {}),
        placement,
        ...(entry.models === undefined ? {} : { mapModel: compileModelMap(entry.models) }),
        tuning: providerTuning(entry.routing, given.tuning),
        ...(entry.status_page === undefined ? {} : { statusPage: entry.status_page }),
      }),
    ];
  });
}

export function findByHost(providers: readonly Provider[], host: string): Provider | undefined {
  return providers.find((provider) => provider.hosts.some((pattern) => hostMatches(pattern, host)));
}

/** What a type's first gateway segment means without a configured provider: the vendor's address, the caller's credential. */
function builtIn(type: ProviderType): Provider | undefined {
  const { defaultBaseUrl, hosts } = PROVIDER_TYPES[type];
  if (defaultBaseUrl === undefined) return undefined;
  const base = Object.freeze(baseOf(type, defaultBaseUrl));
  return Object.freeze({
    name: type,
    type,
    base,
    credential: Object.freeze({ kind: 'client' }),
    hosts,
    keepHost: true,
  });
}

/** By name, else the first of that type, else the vendor's default. Undefined also where a provider has no address of its own. */
export function findBySegment(providers: readonly Provider[], segment: string): Provider | undefined {
  const named = providers.find((provider) => provider.name === segment);
  if (named !== undefined) return named.base.host === '' ? undefined : named;
  if (!isType(segment)) return undefined;
  return providers.find((provider) => provider.type === segment && provider.base.host !== '') ?? builtIn(segment);
}
