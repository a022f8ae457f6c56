// SPDX-License-Identifier: Apache-2.0
// The providers and routes of the configuration: resolved, checked against each other, and looked up. Pure. Knows the
// environment only as the value that it is given.

import type { Config } from '../../contract/config.ts';
import { hostMatches } from '../../contract/host-pattern.ts';
import { baseOf, PROVIDER_TYPES, type ProviderType } from '../upstream/provider-types.ts';
import { compileGlob } from './glob.ts';
import type { ConfigIssue } from './parse.ts';
import type { Credential, Provider, Target } from './policy.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A provider without an address of its own: only intercepted calls can use it. */
const NO_BASE: Provider['base'] = { scheme: 'https', host: '', port: 443, basePath: '' };

function isType(name: string): name is ProviderType {
  return Object.hasOwn(PROVIDER_TYPES, name);
}

function credentialOf(text: string | undefined, env: Environment): Credential | string {
  if (text === undefined || text === 'client') return { kind: 'client' };
  const variable = /^\$\{(.+)\}$/.exec(text)?.[1];
  if (variable === undefined) return { kind: 'literal', value: text };
  const value = env[variable]?.trim();
  if (value === undefined || value === '') return `the environment variable ${variable} is not set`;
  // Not echoed: it is a secret. Anything else would break the header it is sent in.
  if (!/^[!-~]{1,4096}$/.test(value))
    return `the environment variable ${variable} is not a valid key (visible ASCII without spaces)`;
  return { kind: 'literal', value };
}

/** A compatible service is reached at the host of its base_url, unless that is this machine. */
function defaultHosts(type: ProviderType, base: Provider['base']): readonly string[] {
  if (type !== 'openai-compatible') return PROVIDER_TYPES[type].hosts;
  return base.host === '' || base.scheme === 'http' || /^[\d.]+$|:|^localhost$/.test(base.host) ? [] : [base.host];
}

/** Resolves `providers`. Problems are pushed to `issues`; the affected provider is then left out. */
export function compileProviders(config: Config, env: Environment, issues: ConfigIssue[]): readonly Provider[] {
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
    if (url === undefined && entry.type === 'openai-compatible') say('type', 'type "openai-compatible" needs base_url');
    const credential = credentialOf(entry.api_key, env);
    if (typeof credential === 'string') say('api_key', credential);
    if (issues.length > before || typeof credential === 'string') return [];
    const base = url === undefined ? NO_BASE : baseOf(entry.type, url);
    const hosts = Object.freeze([...(entry.hosts ?? defaultHosts(entry.type, base))]);
    return [
      Object.freeze({
        name: entry.name,
        type: entry.type,
        base: Object.freeze(base),
        credential: Object.freeze(credential),
        hosts,
        ...(entry.base_url === undefined ? { keepHost: true } : {}),
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

interface Route {
  readonly id: string;
  matches(model: string): boolean;
  readonly targets: readonly Target[];
}

/** Resolves `routes`. Problems are pushed to `issues`. */
function compileRoutes(config: Config, providers: readonly Provider[], issues: ConfigIssue[]): readonly Route[] {
  const ids = new Set<string>();
  return (config.routes ?? []).map((entry, index) => {
    if (ids.has(entry.id))
      issues.push({ path: ['routes', index, 'id'], message: `the route id "${entry.id}" is used twice` });
    ids.add(entry.id);
    const targets = entry.fallbacks.flatMap((target, place): Target[] => {
      const path = ['routes', index, 'fallbacks', place, 'provider'];
      const provider = providers.find(({ name }) => name === target.provider);
      if (provider !== undefined && provider.base.host !== '') {
        return [Object.freeze({ provider, model: target.model, route: entry.id })];
      }
      if (provider !== undefined) {
        issues.push({
          path,
          message: `a route to "${target.provider}" needs its base_url: type "${provider.type}" has no one address`,
        });
      } else if (config.providers?.some(({ name }) => name === target.provider) !== true) {
        issues.push({ path, message: `there is no provider named "${target.provider}"` });
      }
      return [];
    });
    return { id: entry.id, matches: compileGlob(entry.model), targets };
  });
}

/**
 * May a call that was addressed to `from` go to `to`? Only within one family; and the caller's own credential only to the
 * same vendor's same address: another would learn a key that is not meant for it.
 */
function mayStandFor(to: Provider, from: Provider): boolean {
  if (to.name === from.name) return true;
  if (PROVIDER_TYPES[to.type].family !== PROVIDER_TYPES[from.type].family) return false;
  return to.credential.kind === 'literal' || (to.type === from.type && to.base.host === from.base.host);
}

export function compileRouter(
  config: Config,
  providers: readonly Provider[],
  issues: ConfigIssue[],
): (model: string | undefined, fallback: Provider) => Target {
  const routes = compileRoutes(config, providers, issues);
  return (model, fallback) => {
    const route = model === undefined ? undefined : routes.find((each) => each.matches(model));
    const target = route?.targets.find((each) => mayStandFor(each.provider, fallback));
    if (target === undefined) return { provider: fallback, model: undefined, route: undefined };
    // The same model needs no edit of the caller's bytes.
    return target.model === model ? { ...target, model: undefined } : target;
  };
}
