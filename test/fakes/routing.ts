// SPDX-License-Identifier: Apache-2.0
// Chains, calls and outcomes for tests of routing: values only, with the numbers that ship. Knows no sockets.

import type { ErrorClass } from '../../src/proxy/dialects/dialect.ts';
import type { Provider, Route, RouteGroup, RouteTarget } from '../../src/proxy/policy/policy.ts';
import { DEVICE_TUNING, PROVIDER_TUNING, ROUTE_TUNING } from '../../src/proxy/policy/tuning.ts';
import type { RouterDeps } from '../../src/proxy/routing/context.ts';
import { createRouter } from '../../src/proxy/routing/router.ts';
import type { AttemptOutcome, Planned, RouterState, Run, RunInput, Step } from '../../src/proxy/routing/routing.ts';
import { FakeClock } from './clock.ts';

/** @param keys names, or names with weights; none: the caller's own credential */
export function provider(name: string, keys: readonly (string | [string, number])[] = [], host?: string): Provider {
  const [first, ...rest] = keys.map((key) => {
    const [keyName, weight] = typeof key === 'string' ? [key, 1] : key;
    return { name: keyName, weight, secret: { kind: 'text' as const, value: `not-a-key-${name}-${keyName}` } };
  });
  return {
    name,
    type: 'openai',
    base: { scheme: 'https', host: host ?? `${name}.example.com`, port: 443, basePath: '' },
    credential: first === undefined ? { kind: 'client' } : { kind: 'keys', keys: [first, ...rest] },
    hosts: [],
  };
}

export function target(of: Provider | string, model?: string, weight = 1): RouteTarget {
  return { provider: typeof of === 'string' ? provider(of) : of, model, route: 'r', weight };
}

export function group(order: RouteGroup['order'], ...targets: RouteTarget[]): RouteGroup {
  return { order, targets };
}

/** One group for each target, as `fallbacks` are compiled. */
export function chain(...targets: (RouteTarget | string)[]): Route {
  return routeOf(targets.map((one) => group('listed', typeof one === 'string' ? target(one) : one)));
}

export function routeOf(groups: readonly RouteGroup[], more: Partial<Route> = {}): Route {
  return { id: 'r', groups, onContextLength: [], onContentPolicy: [], tuning: ROUTE_TUNING, ...more };
}

export function call(route: Route, more: Partial<RunInput> = {}): RunInput {
  return {
    route,
    tuning: route.tuning,
    model: 'gpt-x',
    stream: true,
    repeatable: () => true,
    reasoning: false,
    promptTokens: 0,
    conversation: undefined,
    longCache: false,
    inToolLoop: false,
    callerRetry: 0,
    ...more,
  };
}

export interface Deps extends RouterDeps {
  readonly clock: FakeClock;
}

export function deps(more: Partial<Deps> = {}): Deps {
  return {
    clock: new FakeClock(),
    random: () => 0.5,
    tuningOf: (of) => of.tuning ?? PROVIDER_TUNING,
    device: () => DEVICE_TUNING,
    priceOf: () => undefined,
    ...more,
  };
}

export const COMPLETE: AttemptOutcome = { kind: 'complete' };

export function refused(
  status: number,
  errorClass: ErrorClass = 'unknown',
  headers: Readonly<Record<string, string>> = {},
): AttemptOutcome {
  return { kind: 'refused', status, errorClass, code: undefined, header: (name) => headers[name] };
}

export function failed(more: Partial<Extract<AttemptOutcome, { kind: 'failed' }>> = {}): AttemptOutcome {
  return {
    kind: 'failed',
    code: 'OUT_UPSTREAM_UNREACHABLE',
    detail: 'ECONNREFUSED',
    timeout: undefined,
    headSeen: false,
    staleSocket: false,
    sent: false,
    ...more,
  };
}

export const RESET = failed({ detail: 'ECONNRESET', sent: true });
export const HANG = failed({
  code: 'OUT_UPSTREAM_TIMEOUT',
  detail: 'no content',
  timeout: 'first-content',
  sent: true,
});

/** What `next` gives, which must be a try. */
export function tryOf(step: Step): Planned {
  if (step.kind !== 'try') throw new Error(`not a try: ${JSON.stringify(step)}`);
  return step.planned;
}

/** Name of the provider, and of the key where there is one. */
export function placeOf({ target: { provider: of }, key }: Planned): string {
  return key === undefined ? of.name : `${of.name}/${key.name}`;
}

export interface Walk {
  /** Places in the order in which they were tried; waits as `+ms`. */
  readonly steps: readonly string[];
  readonly end: Step | undefined;
  readonly tries: readonly Planned[];
}

/** Walks a run to its end; waits are waited. @param outcome of each place, in order for each; the last one repeats */
export function walk(
  run: Run,
  clock: FakeClock,
  outcome: (place: string, planned: Planned) => AttemptOutcome,
  limit = 50,
): Walk {
  const steps: string[] = [];
  const tries: Planned[] = [];
  for (let count = 0; count < limit; count++) {
    const step = run.next();
    if (step.kind === 'exhausted') return { steps, end: step, tries };
    if (step.kind === 'wait') {
      steps.push(`+${step.ms}`);
      clock.advance(step.ms);
      continue;
    }
    const place = placeOf(step.planned);
    steps.push(place);
    tries.push(step.planned);
    const how = outcome(place, step.planned);
    if (how.kind === 'complete') run.committed(step.planned, 100);
    if (run.ended(step.planned, how) === undefined) return { steps, end: undefined, tries };
  }
  throw new Error(`no end after ${limit} steps`);
}

/** A router, its clock, and calls that walk through it. */
export function makeRouter(more: Partial<Deps> = {}, restored?: RouterState) {
  const all = deps(more);
  const router = createRouter({ ...all, restored });
  /** Walks one call; places that are not named complete. */
  const go = (input: RunInput, outcomes: Readonly<Record<string, AttemptOutcome>>) =>
    walk(router.begin(input), all.clock, (place) => outcomes[place] ?? COMPLETE);
  return { router, clock: all.clock, go };
}

/** Three calls with the same outcomes: failures in a row that open a breaker with the numbers that ship. */
export function failThrice(
  go: ReturnType<typeof makeRouter>['go'],
  input: RunInput,
  outcomes: Readonly<Record<string, AttemptOutcome>>,
): void {
  for (let at = 0; at < 3; at++) go(input, outcomes);
}
