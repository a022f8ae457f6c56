// SPDX-License-Identifier: Apache-2.0
// The routes of the configuration: checked, compiled, and looked up for a call. Pure. Which of the targets is tried is the routing room's.

import type { Config } from '../../contract/config.ts';
import { type Capture, compileCapture, compileGlob, fillStar, type Glob } from './glob.ts';
import type { ConfigIssue } from './parse.ts';
import type { Chain, Provider, Route, RouteGroup, RouteSubject, RouteTarget, RouteTuning, Settings } from './policy.ts';
import { passThroughTuning, routeTuning } from './tuning.ts';

type RouteConfig = NonNullable<Config['routes']>[number];
type TargetConfig = NonNullable<RouteConfig['fallbacks']>[number];

/** What says where a type's cloud is reached, instead of an address. */
const PLACE_WORDS: Readonly<Partial<Record<Provider['type'], string>>> = {
  bedrock: 'region',
  vertex: 'project and location',
};

/** The target's name for the model that was asked for; undefined: the caller's own. */
type ModelMap = (model: string, captured: string) => string | undefined;

/** A table of globs to names, first match wins. */
export function compileModelMap(map: Readonly<Record<string, string>>): (model: string) => string | undefined {
  const rows = Object.entries(map).map(([glob, name]) => ({ capture: compileCapture(glob), name }));
  return (model) => {
    for (const { capture, name } of rows) {
      const captured = capture(model);
      if (captured !== undefined) return fillStar(name, captured);
    }
    return undefined;
  };
}

function modelMapOf(entry: TargetConfig): ModelMap {
  const { model } = entry;
  if (model === undefined) return () => undefined;
  if (typeof model === 'string') return model.includes('*') ? (_, captured) => fillStar(model, captured) : () => model;
  return compileModelMap(model);
}

interface CompiledTarget {
  readonly provider: Provider;
  readonly weight: number;
  readonly without: ReadonlySet<string> | undefined;
  readonly map: ModelMap;
}

interface CompiledRoute {
  readonly id: string;
  readonly models: readonly Capture[] | undefined;
  /** The one glob of `models`; undefined: there are several, or none. */
  readonly glob: string | undefined;
  readonly dialects: ReadonlySet<string> | undefined;
  readonly paths: readonly Glob[] | undefined;
  readonly apps: readonly Glob[] | undefined;
  readonly groups: readonly { readonly order: RouteGroup['order']; readonly targets: readonly CompiledTarget[] }[];
  readonly onContextLength: readonly CompiledTarget[];
  readonly onContentPolicy: readonly CompiledTarget[];
  readonly tuning: RouteTuning;
}

/** What the star of the route's model glob stood for; undefined: the route is not for this call. */
function matches(route: CompiledRoute, { model, dialect, path, owner }: RouteSubject): string | undefined {
  if (route.dialects !== undefined && (dialect === undefined || !route.dialects.has(dialect))) return undefined;
  if (route.paths !== undefined && !route.paths.some((glob) => glob(path))) return undefined;
  if (route.apps !== undefined && !route.apps.some((glob) => glob(owner?.app ?? ''))) return undefined;
  if (route.models === undefined) return '';
  if (model === undefined) return undefined;
  for (const capture of route.models) {
    const captured = capture(model);
    if (captured !== undefined) return captured;
  }
  return undefined;
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value : [value as T];
}

export interface Routes {
  route(subject: RouteSubject, addressed: Provider): Route;
  chains(): readonly Chain[];
  /** Does a route ask which app is calling? */
  readonly needOwner: boolean;
}

export function compileRoutes(
  config: Config,
  providers: readonly Provider[],
  settings: Settings,
  issues: ConfigIssue[],
): Routes {
  const ids = new Set<string>();
  const base = settings.routing.route;

  function targetOf(entry: TargetConfig, path: ConfigIssue['path']): CompiledTarget[] {
    const provider = providers.find(({ name }) => name === entry.provider);
    const placed = provider?.placement?.project !== undefined && provider.placement.location !== undefined;
    if (provider?.type === 'vertex' && provider.base.host !== '' && !placed) {
      const message = `a route to "${entry.provider}" needs its project and location: they are part of each path`;
      issues.push({ path: [...path, 'provider'], message });
      return [];
    }
    if (provider !== undefined && provider.base.host !== '') {
      const without = entry.without === undefined ? undefined : new Set<string>(entry.without);
      return [{ provider, weight: entry.weight ?? 1, without, map: modelMapOf(entry) }];
    }
    const say = (message: string) => issues.push({ path: [...path, 'provider'], message });
    if (provider !== undefined) {
      const place = PLACE_WORDS[provider.type];
      const needed = place === undefined ? 'base_url' : `base_url or ${place}`;
      say(`a route to "${entry.provider}" needs its ${needed}: type "${provider.type}" has no one address`);
    } else if (config.providers?.some(({ name }) => name === entry.provider) !== true) {
      say(`there is no provider named "${entry.provider}"`);
    }
    return [];
  }

  const routes = (config.routes ?? []).map((entry, index): CompiledRoute => {
    const at = ['routes', index];
    if (ids.has(entry.id)) issues.push({ path: [...at, 'id'], message: `the route id "${entry.id}" is used twice` });
    ids.add(entry.id);
    const targetsAt = (list: readonly TargetConfig[] | undefined, key: string, ...more: (string | number)[]) =>
      (list ?? []).flatMap((target, place) => targetOf(target, [...at, key, ...more, place]));
    const groups =
      entry.groups === undefined
        ? targetsAt(entry.fallbacks, 'fallbacks').map((target) => ({ order: 'listed' as const, targets: [target] }))
        : entry.groups.map((group, place) => ({
            order: group.order ?? ('listed' as const),
            targets: targetsAt(group.targets, 'groups', place, 'targets'),
          }));
    const single = groups.length === 1 && groups[0]?.targets.length === 1;
    return {
      id: entry.id,
      models: listOf(entry.model)?.map(compileCapture),
      glob: listOf(entry.model)?.length === 1 ? listOf(entry.model)?.[0] : undefined,
      dialects: entry.dialects === undefined ? undefined : new Set(entry.dialects),
      paths: entry.paths?.map(compileGlob),
      apps: entry.apps?.map(compileGlob),
      groups,
      onContextLength: targetsAt(entry.on_context_length, 'on_context_length'),
      onContentPolicy: targetsAt(entry.on_content_policy, 'on_content_policy'),
      tuning: routeTuning(entry.routing, single ? passThroughTuning(base, settings.timeouts) : base),
    };
  });

  const plain = passThroughTuning(base, settings.timeouts);
  const alone = new WeakMap<Provider, Route>();

  function direct(provider: Provider, model: string | undefined): Route {
    const mapped = model === undefined ? undefined : provider.mapModel?.(model);
    const known = mapped === undefined ? alone.get(provider) : undefined;
    if (known !== undefined) return known;
    const target: RouteTarget = {
      provider,
      model: mapped === model ? undefined : mapped,
      route: undefined,
      weight: 1,
    };
    const route: Route = {
      id: undefined,
      groups: [{ order: 'listed', targets: [target] }],
      onContextLength: [],
      onContentPolicy: [],
      tuning: plain,
    };
    if (mapped === undefined) alone.set(provider, route);
    return route;
  }

  function bind(target: CompiledTarget, route: string, model: string | undefined, captured: string): RouteTarget {
    const { provider, weight, without } = target;
    const named = model === undefined ? undefined : (target.map(model, captured) ?? provider.mapModel?.(model));
    // The same model needs no edit of the caller's bytes.
    const bound = { provider, weight, route, model: named === model ? undefined : named };
    return without === undefined ? bound : { ...bound, without };
  }

  function boundRoute(route: CompiledRoute, model: string | undefined, captured: string): Route {
    const bound = (targets: readonly CompiledTarget[]) =>
      targets.map((target) => bind(target, route.id, model, captured));
    return {
      id: route.id,
      groups: route.groups.map(({ order, targets }) => ({ order, targets: bound(targets) })),
      onContextLength: bound(route.onContextLength),
      onContentPolicy: bound(route.onContentPolicy),
      tuning: route.tuning,
    };
  }

  let chains: readonly Chain[] | undefined;

  return {
    needOwner: routes.some(({ apps }) => apps !== undefined),
    chains() {
      // What a star stands for is not known: it stands for itself.
      chains ??= routes.map((route) => ({ model: route.glob, route: boundRoute(route, route.glob, '*') }));
      return chains;
    },
    route(subject, addressed) {
      for (const route of routes) {
        const captured = matches(route, subject);
        if (captured === undefined) continue;
        return boundRoute(route, subject.model, captured);
      }
      return direct(addressed, subject.model);
    },
  };
}
