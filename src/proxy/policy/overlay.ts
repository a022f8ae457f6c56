// SPDX-License-Identifier: Apache-2.0
// What lies over an organisation's policy for a time: orders, and a gate that stops or lifts its rules as a whole. A pure wrapper of one
// Policy in another; a call keeps the one that it began with. Must not know times, or why a gate is closed.

import type { Config } from '../../contract/config.ts';
import type { Kill } from '../../contract/sync/objects.ts';
import { compileGlob } from './glob.ts';
import type { Blocked, CallSubject, Chain, Policy, Provider, Route, RouteTarget, Verdict } from './policy.ts';

/** An order in force. */
export type Order = Pick<Kill, 'id' | 'level' | 'target' | 'reason'>;

/**
 * `block`: AI calls are refused. `pass`: rules are not enforced, calls are recorded; what device management forbids stays forbidden.
 * `rule` is what rows name.
 */
export type Gate =
  | { readonly kind: 'block'; readonly rule: string; readonly code: Blocked['code'] }
  | { readonly kind: 'pass'; readonly rule: string };

export interface Conditions {
  readonly orders: readonly Order[];
  readonly gate: Gate | undefined;
}

export interface Underneath {
  readonly policy: Policy;
  /** The same without its rules (`relax`), with device management's. Asked for only when it is needed. */
  readonly relaxed: () => Policy;
  /** Models that device management denies. */
  readonly denyModels: readonly string[];
}

/** A configuration without its rules: nothing is blocked. Providers, routes and settings stay. */
export function relax({ apps: _apps, models: _models, ...config }: Config): Config {
  if (config.hosts === undefined) return config;
  // A host that was blocked is looked at: tunnelled it would leave no record.
  return {
    ...config,
    hosts: config.hosts.map((rule) => (rule.action === 'block' ? { ...rule, action: 'govern' } : rule)),
  };
}

/** Bypass goes before a gate, a gate that blocks before orders, orders before a gate that lets pass. */
export function overlay(under: Underneath, { orders, gate }: Conditions): Policy {
  const bypass = orders.find(({ level }) => level === 'bypass');
  if (bypass !== undefined) return bypassed(under.relaxed(), `order:${bypass.id}`);
  const base = gate?.kind === 'pass' ? under.relaxed() : under.policy;
  const blocks = orders.map(orderBlocks);
  const forbids = forbidden(base, orders, under.denyModels);
  return Object.freeze({
    ...base,
    needsOwner: base.needsOwner || orders.some(({ level }) => level === 'block-app'),
    decide: (subject: CallSubject): Verdict => {
      if (gate?.kind === 'block' && subject.relayed !== true) {
        return { action: 'block', rule: gate.rule, code: gate.code, message: undefined };
      }
      for (const block of blocks) {
        const blocked = block(subject);
        if (blocked !== undefined) return blocked;
      }
      const verdict = base.decide(subject);
      return gate?.kind === 'pass' && verdict.action === 'allow' ? { action: 'allow', rule: gate.rule } : verdict;
    },
    route: (subject, addressed) => withoutForbidden(base.route(subject, addressed), addressed, forbids),
    chains: () => chainsWithout(base.chains(), forbids),
  } satisfies Policy);
}

/** Every host is tunnelled. The gateway cannot do that: its calls go on unjudged. */
function bypassed(relaxed: Policy, rule: string): Policy {
  return Object.freeze({
    ...relaxed,
    needsOwner: false,
    decideHost: (host) => ({ action: 'tunnel', rule, vendor: relaxed.decideHost(host).vendor, setHeaders: [] }),
    decide: () => ({ action: 'allow', rule }),
  } satisfies Policy);
}

const UNKNOWN_APP = 'The calling app could not be determined, and your organisation has stopped an app.';

function orderBlocks({ id, level, target = '', reason }: Order): (subject: CallSubject) => Blocked | undefined {
  const blocked = (message: string): Blocked => ({
    action: 'block',
    rule: `order:${id}`,
    code: 'OUT_BLOCKED_ORDER',
    message: message === '' ? undefined : message,
  });
  switch (level) {
    case 'block-provider':
      return ({ provider, relayed }) => (provider?.name === target && relayed !== true ? blocked(reason) : undefined);
    case 'block-app': {
      const matches = compileGlob(target);
      return ({ owner }) => {
        // As with the rules about apps: a process that hides must not get round it.
        if (owner === undefined) return blocked(UNKNOWN_APP);
        return matches(owner.app) ? blocked(reason) : undefined;
      };
    }
    case 'block-all-ai':
      return ({ relayed }) => (relayed === true ? undefined : blocked(reason));
    case 'bypass':
      return () => undefined;
  }
}

/** Why a call may not be sent on to a target; undefined: it may. */
type Forbids = (target: RouteTarget, addressed: Provider) => Blocked | undefined;

/**
 * What must hold for each target of a chain, since `decide` sees the addressed provider only: orders against providers, and what device
 * management forbids and no route may lead round. undefined: nothing.
 */
function forbidden(policy: Policy, orders: readonly Order[], denyModels: readonly string[]): Forbids | undefined {
  const byProvider = orders.filter(({ level }) => level === 'block-provider').map(orderBlocks);
  const denied = denyModels.map(compileGlob);
  const managed = ({ base, keepHost }: Provider, addressed: boolean): Blocked | undefined => {
    if (base.host === '' || (addressed && keepHost === true)) return undefined;
    const { action, rule } = policy.decideHost(base.host);
    if (action !== 'block' || !rule.startsWith('managed.')) return undefined;
    return { action: 'block', rule, code: 'OUT_BLOCKED_HOST', message: undefined };
  };
  const anyManaged = policy.providers.some((provider) => managed(provider, false) !== undefined);
  if (byProvider.length === 0 && denied.length === 0 && !anyManaged) return undefined;
  return ({ provider, model }, addressed) => {
    const asked: CallSubject = { host: '', provider, model, modelKnown: true, owner: undefined };
    for (const block of byProvider) {
      const blocked = block(asked);
      if (blocked !== undefined) return blocked;
    }
    const at = model === undefined ? -1 : denied.findIndex((matches) => matches(model));
    if (at >= 0) {
      return { action: 'block', rule: `managed.deny_models[${at}]`, code: 'OUT_BLOCKED_MODEL', message: undefined };
    }
    return anyManaged ? managed(provider, provider === addressed) : undefined;
  };
}

function chainsWithout(chains: readonly Chain[], forbids: Forbids | undefined): readonly Chain[] {
  if (forbids === undefined) return chains;
  return chains.map((chain) => {
    const addressed = chain.route.groups[0]?.targets[0]?.provider;
    return addressed === undefined ? chain : { ...chain, route: withoutForbidden(chain.route, addressed, forbids) };
  });
}

/** Without the targets that are forbidden now. With none left the route refuses: what it was made for must not go elsewhere. */
function withoutForbidden(route: Route, addressed: Provider, forbids: Forbids | undefined): Route {
  if (forbids === undefined) return route;
  let first: Blocked | undefined;
  const isAllowed = (target: RouteTarget): boolean => {
    const blocked = forbids(target, addressed);
    first ??= blocked;
    return blocked === undefined;
  };
  const groups = route.groups
    .map((group) => ({ ...group, targets: group.targets.filter(isAllowed) }))
    .filter(({ targets }) => targets.length > 0);
  const onContextLength = route.onContextLength.filter(isAllowed);
  const onContentPolicy = route.onContentPolicy.filter(isAllowed);
  if (first === undefined) return route;
  if (groups.length === 0) return { ...route, blocked: first };
  return { ...route, groups, onContextLength, onContentPolicy };
}
