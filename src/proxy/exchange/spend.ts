// SPDX-License-Identifier: Apache-2.0
// Whether the configuration's own credentials may be spent on a call. The gateway has its own guard; the proxy is open to every
// local process and, through browsers, to every web page, so there the call itself has to show that it may.

import type { Provider, Route, RouteTarget, Target } from '../policy/policy.ts';
import type { Call } from './call.ts';
import { header } from './edits.ts';
import type { Placed } from './place.ts';
import { isReachable } from './prepare.ts';

/** The process belongs to the user who runs the daemon, and no web page of another site stands behind the call. */
async function maySpend(call: Call): Promise<boolean> {
  if (call.entrance === 'gateway') return true;
  const site = header(call.headers, 'sec-fetch-site');
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return false;
  const origin = header(call.headers, 'origin');
  if (origin !== undefined && origin !== `${call.scheme}://${call.host}`) return false;
  const owner = await call.connection.ownerSettled();
  return owner !== undefined && owner.uid === (process.getuid?.() ?? owner.uid);
}

type Governed = Extract<Placed, { kind: 'govern' | 'relay' }>;

const isOurs = ({ credential }: Provider): boolean => credential.kind === 'keys';

/** The addressed provider with the caller's own credential: what is left to a call that may not spend ours. */
function ownAccount({ provider }: Governed): Provider {
  return { ...provider, credential: { kind: 'client' } };
}

/** The target as it is, or, where our credential may not be spent, the addressed provider with the caller's own. */
export async function affordable(call: Call, target: Target, placed: Governed): Promise<Target> {
  if (!isOurs(target.provider) && !isOurs(placed.provider)) return target;
  if (await maySpend(call)) return target;
  return { provider: ownAccount(placed), model: undefined, route: undefined };
}

function hasEvery(
  { groups, onContextLength, onContentPolicy }: Route,
  holds: (target: RouteTarget) => boolean,
): boolean {
  return (
    groups.every(({ targets }) => targets.every(holds)) && onContextLength.every(holds) && onContentPolicy.every(holds)
  );
}

/**
 * The route without the targets that a call to `addressed` can never use: those with the caller's own credential at an address that the
 * caller did not turn to. Where no target is left it is no route, and the addressed provider answers alone.
 */
export function reachableRoute(route: Route, addressed: Provider): Route {
  const isPossible = (target: RouteTarget): boolean => isReachable(target, addressed);
  if (hasEvery(route, isPossible)) return route;
  const groups = route.groups
    .map((group) => ({ ...group, targets: group.targets.filter(isPossible) }))
    .filter(({ targets }) => targets.length > 0);
  if (groups.length === 0) return unrouted(route, addressed);
  return {
    ...route,
    groups,
    onContextLength: route.onContextLength.filter(isPossible),
    onContentPolicy: route.onContentPolicy.filter(isPossible),
  };
}

/** What is reachable of the route; where our keys may not be spent, nothing but the addressed provider is left. */
export async function affordableRoute(call: Call, route: Route, placed: Governed): Promise<Route> {
  const left = reachableRoute(route, placed.provider);
  const ours = isOurs(placed.provider) || !hasEvery(left, ({ provider }) => !isOurs(provider));
  return !ours || (await maySpend(call)) ? left : unrouted(route, ownAccount(placed));
}

/** The route's numbers with one provider alone. */
function unrouted(route: Route, provider: Provider): Route {
  const alone = { provider, model: undefined, route: undefined, weight: 1 };
  return {
    ...route,
    id: undefined,
    groups: [{ order: 'listed', targets: [alone] }],
    onContextLength: [],
    onContentPolicy: [],
  };
}

/** Headers of a host rule are meant for that host's provider, and never stand in for our credential. */
export function ruleHeaders(
  target: Target,
  placed: Governed,
  credentialNames: ReadonlySet<string>,
): Extract<Placed, { kind: 'govern' }>['setHeaders'] {
  if (target.provider.name !== placed.provider.name) return [];
  if (target.provider.credential.kind === 'client') return placed.setHeaders;
  return placed.setHeaders.filter(([name]) => !credentialNames.has(name.toLowerCase()));
}
