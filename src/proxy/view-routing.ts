// SPDX-License-Identifier: Apache-2.0
// What the local API shows of routing: the health of providers, and what a call would meet. Names and words; decides nothing.

import type { AgentState, ProviderItem, RouteReport } from '../contract/local-api.ts';
import type { DialectId } from './dialects/dialect.ts';
import { isAddressed, isReachable } from './exchange/prepare.ts';
import { reachableRoute } from './exchange/spend.ts';
import type { RouteQuery } from './local-api/agent-view.ts';
import type { Chain, Policy, Provider, Route, RouteTarget } from './policy/policy.ts';
import type { ExplainedTarget, ProviderHealth, Router, RunInput, SkipReason } from './routing/routing.ts';
import type { StatusHint } from './status-pages/hint.ts';
import { PROVIDER_TYPES } from './upstream/provider-types.ts';
import { dialectFor } from './upstream/transport.ts';

/** Leaves out what is undefined: absent and undefined are different on the wire. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const UNKNOWN: Omit<ProviderHealth, 'provider'> = {
  state: 'unknown',
  why: undefined,
  since: undefined,
  nextTry: undefined,
  firstContentMs: undefined,
  scopes: [],
};

/** As many scopes as the page shows; a hostile client can make models up. */
const MOST_SCOPES = 100;

export function providerItems(
  providers: readonly Provider[],
  health: readonly ProviderHealth[],
  hint: (provider: Provider) => StatusHint | undefined,
): AgentState['providers'] {
  const known = new Map(health.map((each) => [each.provider, each]));
  return providers.slice(0, 1_000).map((provider): ProviderItem => {
    const { state, why, since, nextTry, firstContentMs, scopes } = known.get(provider.name) ?? UNKNOWN;
    const { scheme, host, port, basePath } = provider.base;
    return {
      name: provider.name,
      type: provider.type,
      base_url: `${scheme}://${host}:${port}${basePath}`,
      credential: CREDENTIAL_WORDS[provider.credential.kind],
      health: {
        state,
        ...given({ why, since, next_try: nextTry, first_content_ms: firstContentMs, hint: hint(provider) }),
        out: scopes.slice(0, MOST_SCOPES).flatMap((scope) =>
          scope.state === 'closed'
            ? []
            : [
                {
                  scope: scope.scope,
                  state: scope.state,
                  since: scope.since,
                  ...given({
                    name: (scope.model ?? scope.key)?.slice(0, 256),
                    why: scope.why,
                    next_try: scope.nextTry,
                  }),
                },
              ],
        ),
      },
    };
  });
}

const CREDENTIAL_WORDS = { client: 'caller', none: 'none', keys: 'configured' } as const;

/** Why a target would not be tried, for people. `now`: wall time, milliseconds. */
function skipWords(skip: SkipReason, now: number): string {
  switch (skip.kind) {
    case 'open':
      return `${skip.scope} is out (${skip.why}), next try in ${Math.max(0, Math.ceil((skip.until - now) / 1_000))} s`;
    case 'probing':
      return `another call is finding out whether the ${skip.scope} works again`;
    case 'ramping':
      return 'is coming back: only part of the calls goes there';
    case 'tried':
      return 'was tried';
    case 'loss':
      return `would lose something essential: ${skip.codes.join(', ')}`;
    case 'not-allowed':
      return 'takes the caller’s own key, which belongs to the addressed provider only';
    case 'not-repeatable':
      return 'the call may not be sent twice';
  }
}

function wayOf(
  target: RouteTarget,
  addressed: Provider,
  dialect: DialectId,
  model: string,
): 'direct' | 'same' | 'translated' | 'impossible' {
  if (isAddressed(target.provider, addressed)) return 'direct';
  const caller = { dialect, operation: 'generate' as const, pathModel: undefined, pathStream: undefined, path: '/' };
  const spoken = dialectFor(target.provider, caller, target.model ?? model);
  return spoken === undefined ? 'impossible' : spoken.same ? 'same' : 'translated';
}

/** Is there a provider that takes it? */
function isSpoken(dialect: string): boolean {
  return Object.values(PROVIDER_TYPES).some(({ speaks }) => speaks.some((spoken) => spoken.dialect === dialect));
}

/** A call about which nothing is known but its route and model. */
function anyCall(route: Route, model: string | undefined): RunInput {
  return {
    route,
    tuning: route.tuning,
    model,
    stream: true,
    repeatable: () => true,
    reasoning: false,
    promptTokens: 0,
    conversation: undefined,
    longCache: false,
    inToolLoop: false,
    callerRetry: 0,
  };
}

export function explainRoute(policy: Policy, router: Router, now: number, query: RouteQuery): RouteReport | undefined {
  const addressed = query.provider === undefined ? policy.providers[0] : policy.providerForGateway(query.provider);
  if (addressed === undefined) return undefined;
  const dialect = (query.dialect ?? PROVIDER_TYPES[addressed.type].speaks[0]?.dialect) as DialectId | undefined;
  if (dialect === undefined || !isSpoken(dialect)) return undefined;
  const owner =
    query.app === undefined
      ? undefined
      : { pid: 0, uid: -1, name: query.app, exe: undefined, script: undefined, started: '', app: query.app };
  const { model } = query;
  const named = policy.route({ model, dialect, path: query.path ?? '', owner }, addressed);
  const states = new Map(router.health().map((each) => [each.provider, each.state]));
  // As a call does it: who could never be used is no choice, and one target alone is never refused.
  const route = reachableRoute(named, addressed);
  const groupOf = ({ target }: ExplainedTarget): number =>
    Math.max(
      0,
      named.groups.findIndex(({ targets }) => targets.includes(target)),
    );
  const explained = router.explain(anyCall(route, model));
  const others = named.groups.flatMap(({ targets }, group) =>
    targets
      .filter((target) => !isReachable(target, addressed))
      .map((target): ExplainedTarget => ({ target, group, order: undefined, keys: [], skip: { kind: 'not-allowed' } })),
  );
  const rows = [...explained.map((row) => ({ ...row, group: groupOf(row) })), ...others]
    .sort((a, b) => a.group - b.group)
    .map((row) => ({ ...row, way: wayOf(row.target, addressed, dialect, model) }));
  const orders = rows
    .flatMap(({ way, order }) => (way === 'impossible' || order === undefined ? [] : [order]))
    .sort((a, b) => a - b);
  return {
    model,
    ...given({ route: route.id }),
    offline: router.offline,
    targets: rows.slice(0, 256).map(({ target, group, order, keys, skip, way }) => {
      const place = way === 'impossible' || order === undefined ? undefined : orders.indexOf(order) + 1;
      return {
        group,
        group_order: named.groups[group]?.order ?? 'listed',
        provider: target.provider.name,
        type: target.provider.type,
        weight: target.weight,
        state: states.get(target.provider.name) ?? 'unknown',
        way,
        keys: keys.map((key) => ({
          name: key.name,
          weight: key.weight,
          ...given({ skip: key.skip === undefined ? undefined : skipWords(key.skip, now) }),
        })),
        ...given({
          model: target.model,
          order: place,
          skip: skip === undefined ? undefined : skipWords(skip, now),
        }),
      };
    }),
  };
}

/** As many as the state takes. */
const MOST_FALLBACKS = 100;
/** Stands for a conversation: with one the order by weight, and the share of what is coming back, are the same each time. */
const ANY_CONVERSATION = 'fallbacks';

/** Routes whose first choice is out of service, and who answers for it. Nothing to look at while all are well, which is nearly always. */
export function fallbackItems(
  policy: Policy,
  router: Router,
  health: readonly ProviderHealth[],
): AgentState['fallbacks'] {
  const troubled = new Map(health.filter(({ scopes }) => scopes.length > 0).map((each) => [each.provider, each]));
  const items: AgentState['fallbacks'] = [];
  if (troubled.size === 0) return items;
  for (const chain of policy.chains()) {
    if (items.length >= MOST_FALLBACKS) break;
    const item = fallbackOf(chain, router, troubled);
    if (item !== undefined) items.push(item);
  }
  return items;
}

function fallbackOf(
  { model, route: named }: Chain,
  router: Router,
  troubled: ReadonlyMap<string, ProviderHealth>,
): AgentState['fallbacks'][number] | undefined {
  const addressed = named.groups[0]?.targets[0]?.provider;
  if (addressed === undefined || named.blocked !== undefined) return undefined;
  const route = reachableRoute(named, addressed);
  const [firsts] = route.groups;
  if (firsts?.targets.some(({ provider }) => troubled.has(provider.name)) !== true) return undefined;
  // Nothing to fall over to: nothing is refused there.
  if (route.groups.length < 2 && firsts.targets.length < 2) return undefined;
  const rows = router.explain({ ...anyCall(route, model), conversation: ANY_CONVERSATION });
  const isOut = ({ target, skip }: ExplainedTarget): boolean =>
    skip !== undefined || isHalfOpen(troubled.get(target.provider.name), target.model ?? model);
  const isAnyFirst = firsts.order === 'weighted' || firsts.order === 'latency';
  const choices = isAnyFirst ? firsts.targets.flatMap((target) => rows.filter((row) => row.target === target)) : rows;
  const out = (isAnyFirst ? choices : choices.slice(0, 1)).find(isOut);
  if (out === undefined) return undefined;
  const others = rows.filter((row) => row !== out && row.order !== undefined);
  const well = others.filter((row) => !isOut(row));
  // By latency the order is drawn anew each time: which of them answers is told by its place.
  const place = ({ target, group, order = 0 }: ExplainedTarget): number => {
    const own = route.groups[group];
    return own?.order === 'latency' ? own.targets.indexOf(target) : order;
  };
  const [using] = (well.length > 0 ? well : others).toSorted((a, b) => a.group - b.group || place(a) - place(b));
  const why = out.skip?.kind === 'open' ? out.skip.why : troubled.get(out.target.provider.name)?.why;
  return {
    instead_of: out.target.provider.name,
    ...given({ route: route.id, model, using: using?.target.provider.name, why }),
  };
}

/** The next call finds out: until then it counts as out. */
function isHalfOpen(health: ProviderHealth | undefined, model: string | undefined): boolean {
  return (health?.scopes ?? []).some(
    (each) =>
      each.state === 'half-open' && (each.scope === 'endpoint' || (each.scope === 'model' && each.model === model)),
  );
}
