// SPDX-License-Identifier: Apache-2.0
// From a checked Config, a catalogue and an environment to a Policy: an immutable value whose decisions are pure functions.
// Must not know files or how a configuration is replaced.

import { createHash } from 'node:crypto';
import type { Config } from '../../contract/config.ts';
import { hostMatches, normaliseHost } from '../../contract/host-pattern.ts';
import type { Catalogue } from './catalogue.ts';
import type { Environment, Secrets, ServiceAccounts } from './keys.ts';
import type { ConfigIssue } from './parse.ts';
import type { HostDecision, Policy, Provider } from './policy.ts';
import { compileProviders, findByHost, findBySegment } from './providers.ts';
import { compileRoutes } from './routes.ts';
import { compileRules } from './rules.ts';
import { settingsOf } from './settings.ts';

/** What stood in the files that the configuration names. */
export interface NamedFiles {
  /** PEM certificates of `upstream.ca_files`, one string each. */
  readonly upstreamRoots: readonly string[];
  readonly serviceAccounts: ServiceAccounts;
}

export interface CompileInput {
  readonly config: Config;
  /** The configuration as text, for the hash; '' for the built-in defaults. */
  readonly text: string;
  readonly catalogue: Catalogue;
  readonly env: Environment;
  readonly named: NamedFiles;
  readonly generation: number;
  /** Of the organisation that published it; undefined: a stand-alone file. */
  readonly secrets?: Secrets | undefined;
  /** How many of the first host rules and of the last denied models are device management's, and named so. */
  readonly managed?: Managed | undefined;
}

export interface Managed {
  readonly hosts: number;
  readonly deny: number;
}

export type CompileResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** Freezes plain data all the way down. */
function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

/** A machine talks to few hosts; a hostile process can name any number, so the memory is emptied when it is full. */
const REMEMBERED_HOSTS = 1_024;

/** The same pure answer without the pattern matching, for hosts that were asked about before. */
function remembered<T>(answer: (host: string) => T): (host: string) => T {
  const known = new Map<string, T>();
  return (host) => {
    if (known.has(host)) return known.get(host) as T;
    if (known.size >= REMEMBERED_HOSTS) known.clear();
    const value = answer(host);
    known.set(host, value);
    return value;
  };
}

/** Host rules of the configuration, then its providers, then the catalogue, else tunnel. */
function hostDecider(
  config: Config,
  providers: readonly Provider[],
  catalogue: Catalogue,
  managed: number,
): (host: string) => HostDecision {
  const rules = (config.hosts ?? []).map((rule, index) => ({
    pattern: rule.host,
    action: rule.action,
    // The others are counted as the author of the text counts them.
    name: index < managed ? `managed.block_hosts[${index}]` : `hosts[${index - managed}]`,
    setHeaders: frozen(Object.entries(rule.headers ?? {})),
  }));
  const exact = new Map<string, number>();
  for (const [index, { pattern }] of rules.entries()) {
    if (!pattern.includes('*') && !exact.has(pattern)) exact.set(pattern, index);
  }
  const patterns = [...rules.entries()].filter(([, { pattern }]) => pattern.includes('*'));
  const firstRule = (host: string) => {
    const named = exact.get(host) ?? rules.length;
    const matched = patterns.find(([index, { pattern }]) => index < named && hostMatches(pattern, host))?.[0];
    return rules[matched ?? named];
  };
  return (host) => {
    const row = catalogue.find(host)?.row;
    const vendor = row?.vendor;
    const rule = firstRule(host);
    if (rule !== undefined) return { action: rule.action, rule: rule.name, vendor, setHeaders: rule.setHeaders };
    const provider = findByHost(providers, host);
    if (provider !== undefined) return { action: 'govern', rule: `provider:${provider.name}`, vendor, setHeaders: [] };
    if (row === undefined) return { action: 'tunnel', rule: 'default', vendor, setHeaders: [] };
    // `header` without a rule that sets some would decrypt for nothing.
    const action = row.default === 'govern' ? 'govern' : 'tunnel';
    return { action, rule: `catalogue:${row.host}`, vendor, setHeaders: [] };
  };
}

/** Patterns of rules, providers and catalogue by what they lead to. */
function countActions(
  config: Config,
  providers: readonly Provider[],
  catalogue: Catalogue,
  decide: (host: string) => HostDecision,
): Policy['hostCounts'] {
  const rules = new Map((config.hosts ?? []).map((rule) => [rule.host, rule.action]));
  const patterns = new Set([
    ...rules.keys(),
    ...providers.flatMap((provider) => provider.hosts),
    ...catalogue.entries.map(({ row }) => row.host),
  ]);
  const counts = { govern: 0, header: 0, tunnel: 0, block: 0 };
  // A pattern is asked about like a host of its own: its rule is the one that names it.
  for (const pattern of patterns) counts[rules.get(pattern) ?? decide(pattern.replaceAll('*', 'x')).action] += 1;
  return Object.freeze(counts);
}

/** All patterns that may need the proxy, blocked ones included: what is not sent to us cannot be blocked. */
function governed(
  config: Config,
  providers: readonly Provider[],
  catalogue: Catalogue,
  decide: (host: string) => HostDecision,
): readonly string[] {
  const rules = config.hosts ?? [];
  const all = new Set([
    ...rules.filter((rule) => rule.action !== 'tunnel').map((rule) => rule.host),
    ...providers.flatMap((provider) => provider.hosts),
    ...catalogue.entries.filter(({ row }) => row.default === 'govern').map(({ row }) => row.host),
  ]);
  const wanted = [...all].filter((pattern) =>
    pattern.includes('*')
      ? rules.find((rule) => rule.host === pattern)?.action !== 'tunnel'
      : decide(pattern).action !== 'tunnel',
  );
  return Object.freeze(wanted.sort());
}

/** Compiles. Finds every problem that needs more than one value to see; each names its place in the document. */
export function compilePolicy(input: CompileInput): CompileResult {
  const { config, catalogue, generation } = input;
  const issues: ConfigIssue[] = [];
  const { upstreamRoots, serviceAccounts } = input.named;
  const settings = frozen(settingsOf(config, upstreamRoots));
  const tuning = settings.routing.provider;
  const { env, secrets, managed = { hosts: 0, deny: 0 } } = input;
  const providers = Object.freeze(compileProviders(config, { env, serviceAccounts, secrets, tuning }, issues));
  const routes = compileRoutes(config, providers, settings, issues);
  if (issues.length > 0) return { ok: false, issues };
  const decideHost = remembered(hostDecider(config, providers, catalogue, managed.hosts));
  const findRow = remembered((host) => catalogue.find(host));
  const findProvider = remembered((host) => findByHost(providers, host));
  const judge = compileRules(config, managed.deny);
  const patterns = governed(config, providers, catalogue, decideHost);
  const policy: Policy = {
    sha256: createHash('sha256').update(input.text).digest('hex'),
    generation,
    settings,
    providers,
    decideHost: (host) => decideHost(normaliseHost(host)),
    governsPath: (host, path) => findRow(normaliseHost(host))?.matchesPath(path) ?? true,
    providerForHost: (host) => findProvider(normaliseHost(host)),
    providerForGateway: (segment) => findBySegment(providers, segment),
    decide: (subject) => {
      // The gateway, or a base_url, must not reach what a host rule blocks.
      const to = subject.provider?.keepHost === true && subject.host !== '' ? undefined : subject.provider?.base.host;
      for (const host of [subject.host, to]) {
        const decision = host === undefined || host === '' ? undefined : decideHost(normaliseHost(host));
        if (decision?.action === 'block') {
          return { action: 'block', rule: decision.rule, code: 'OUT_BLOCKED_HOST', message: undefined };
        }
      }
      return judge(subject);
    },
    route: routes.route,
    chains: routes.chains,
    governedHosts: () => patterns,
    hostCounts: countActions(config, providers, catalogue, decideHost),
    needsOwner: (config.apps ?? []).length > 0 || routes.needOwner,
  };
  return { ok: true, policy: Object.freeze(policy) };
}
