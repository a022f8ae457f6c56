// SPDX-License-Identifier: Apache-2.0
// The scopes that health is kept for: an endpoint, and a model at an endpoint, each with its breaker. Bounded: model names come from
// callers. Knows how breakers move, not why.

import type { Provider } from '../policy/policy.ts';
import { advance, type Breaker, CLOSED } from './breaker.ts';
import { Latency } from './latency.ts';
import { LruMap } from './lru-map.ts';

/** Providers; more than a configuration has. */
const ENDPOINTS = 256;
const MODELS = 512;
/** Longer names are no model's; they share a scope by their beginning. */
export const LONGEST_NAME = 200;

export class Scope {
  readonly provider: string;
  /** undefined: the endpoint itself. '': models whose name is not known. */
  readonly model: string | undefined;
  readonly latency = new Latency();
  /** As it was configured for the last call. */
  config: Provider;
  breaker: Breaker = CLOSED;
  /** Opened by a connection that did not come about: then a check of reachability can say that it is over. */
  unreached = false;
  lastCheck = 0;

  constructor(config: Provider, model: string | undefined) {
    this.provider = config.name;
    this.model = model;
    this.config = config;
  }
}

export class Scopes {
  readonly #endpoints = new LruMap<Scope>(ENDPOINTS);
  readonly #models = new LruMap<Scope>(MODELS);

  /** For a decision: makes nothing. undefined: nothing is known, so it is closed. */
  peekEndpoint(provider: Provider): Scope | undefined {
    return this.#endpoints.peek(provider.name);
  }

  peekModel(provider: Provider, model: string): Scope | undefined {
    return this.#models.peek(idOf(provider, model));
  }

  endpoint(provider: Provider): Scope {
    const known = this.#endpoints.get(provider.name);
    if (known !== undefined) {
      known.config = provider;
      return known;
    }
    const scope = new Scope(provider, undefined);
    this.#endpoints.set(provider.name, scope);
    return scope;
  }

  model(provider: Provider, model: string): Scope {
    const id = idOf(provider, model);
    const known = this.#models.get(id);
    if (known !== undefined) {
      known.config = provider;
      return known;
    }
    const scope = new Scope(provider, model.slice(0, LONGEST_NAME));
    this.#models.set(id, scope);
    return scope;
  }

  endpoints(): readonly Scope[] {
    return [...this.#endpoints.values()];
  }

  all(): readonly Scope[] {
    return [...this.#endpoints.values(), ...this.#models.values()];
  }

  endpointNamed(name: string): Scope | undefined {
    return this.#endpoints.peek(name);
  }
}

/** Its breaker at `now`. */
export function breakerOf(scope: Scope | undefined, now: number): Breaker {
  return scope === undefined ? CLOSED : advance(scope.breaker, now);
}

function idOf(provider: Provider, model: string): string {
  return `${provider.name}\0${model.slice(0, LONGEST_NAME)}`;
}
