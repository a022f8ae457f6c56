// SPDX-License-Identifier: Apache-2.0
// The shape of a configuration for a support bundle: names of providers and routes, how many of what, numbers and switches. Never another
// text of it: any of them could be, or hold, a secret. Pure.

import type { Config } from '../../contract/config.ts';
import { originOf } from './state-part.ts';

type ProviderConfig = NonNullable<Config['providers']>[number];
type RouteConfig = NonNullable<Config['routes']>[number];

/** Numbers and switches at their places; texts are left out. */
function numbersOf(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const kept = Object.entries(value).flatMap(([name, each]) => {
    const numbers = numbersOf(each);
    return numbers === undefined ? [] : [[name, numbers] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function counts<T>(items: readonly T[] | undefined, wordOf: (item: T) => string): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const item of items ?? []) found[wordOf(item)] = (found[wordOf(item)] ?? 0) + 1;
  return found;
}

/** Where a key comes from. */
function sourceOf(key: string): string {
  if (key === 'client' || key === 'none') return key;
  if (key.startsWith('${')) return 'variable';
  return key.startsWith('secret:') ? 'organisation' : 'in the file';
}

function keysOf({ api_key, api_keys, aws }: ProviderConfig): readonly string[] {
  return [
    ...(api_key === undefined ? [] : [api_key]),
    ...(api_keys ?? []).map(({ key }) => key),
    ...(aws === undefined ? [] : [aws.access_key_id, aws.secret_access_key, aws.session_token ?? []].flat()),
  ];
}

function providerShape(provider: ProviderConfig): unknown {
  const { name, type, base_url, service_account, hosts, models, status_page, routing } = provider;
  return {
    name,
    type,
    server: base_url === undefined ? undefined : originOf(base_url),
    keys: counts(keysOf(provider), sourceOf),
    service_account: service_account !== undefined,
    hosts: hosts?.length,
    models: models === undefined ? undefined : Object.keys(models).length,
    status_page: status_page === undefined ? undefined : status_page !== false,
    routing: numbersOf(routing),
  };
}

function routeShape({ id, model, dialects, paths, apps, fallbacks, groups, routing, ...more }: RouteConfig): unknown {
  const names = (targets: NonNullable<RouteConfig['fallbacks']> | undefined) =>
    targets?.map(({ provider }) => provider);
  return {
    id,
    asks_for: { model: model !== undefined, dialects, paths: paths !== undefined, apps: apps !== undefined },
    fallbacks: names(fallbacks),
    groups: groups?.map(({ order, targets }) => ({ order, targets: names(targets) })),
    on_context_length: names(more.on_context_length),
    on_content_policy: names(more.on_content_policy),
    routing: numbersOf(routing),
  };
}

export function rulesShape(config: Config): unknown {
  const { audit, network, gateway, organisation } = config;
  return {
    providers: config.providers?.map(providerShape),
    routes: config.routes?.map(routeShape),
    routing: numbersOf(config.routing),
    models_data: config.models_data?.length,
    status_pages: numbersOf(config.status_pages),
    opaque_state: numbersOf(config.opaque_state),
    answers: config.answers?.model,
    telemetry: numbersOf(config.telemetry),
    hosts: counts(config.hosts, ({ action }) => action),
    models: { allow: config.models?.allow?.length, deny: config.models?.deny?.length },
    apps: counts(config.apps, ({ action }) => action),
    catalogue: Array.isArray(config.catalogue) ? config.catalogue.length : config.catalogue !== undefined,
    audit: { ...(numbersOf(audit) as object | undefined), level: audit?.level, on_full: audit?.on_full },
    network: { connect_ports: network?.connect_ports?.length, allow_private: network?.allow_private?.length },
    upstream: { ca_files: config.upstream?.ca_files?.length },
    pac: config.pac?.fail_mode,
    gateway: { allowed_origins: gateway?.allowed_origins?.length, require_token: gateway?.require_token },
    timeouts: numbersOf(config.timeouts),
    limits: numbersOf(config.limits),
    support: config.support !== undefined,
    organisation: {
      ...(numbersOf(organisation) as object | undefined),
      on_expired: organisation?.on_expired,
      on_revoked: organisation?.on_revoked,
    },
  };
}

/** Credentials that stand in the file itself: to be taken out of everything. */
export function secretsOf(config: Config): readonly string[] {
  return [
    ...(config.providers ?? []).flatMap(keysOf).filter((key) => sourceOf(key) === 'in the file'),
    ...Object.values(config.telemetry?.otlp?.headers ?? {}),
    ...(config.hosts ?? []).flatMap(({ headers }) => Object.values(headers ?? {})),
  ];
}
