// SPDX-License-Identifier: Apache-2.0
// What the parts of the room share: one health, one clock, one set of budgets for the whole device.

import type { Clock } from '../../contract/clock.ts';
import type { DeviceTuning, Provider, ProviderTuning, RouteTarget } from '../policy/policy.ts';
import type { Affinity } from './affinity.ts';
import type { KeyHolds, Times } from './key-holds.ts';
import type { Network } from './network.ts';
import type { RetryBucket } from './retry-bucket.ts';
import type { Scope, Scopes } from './scopes.ts';

export interface RouterDeps {
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly tuningOf: (provider: Provider) => ProviderTuning;
  readonly device: () => DeviceTuning;
  /** Dollars for a million tokens, blended; undefined: not known. */
  readonly priceOf: (target: RouteTarget) => number | undefined;
}

export interface Context extends RouterDeps {
  readonly scopes: Scopes;
  readonly holds: KeyHolds;
  readonly network: Network;
  readonly affinity: Affinity;
  readonly bucket: RetryBucket;
  /** The probes' turns that attempts under way have taken; one that is emptied has lost them. */
  readonly turns: Set<Set<Scope>>;
  /** Health changed so that a person may see it. */
  readonly changed: () => void;
}

export function timesOf(clock: Clock): Times {
  return { monotonic: clock.monotonic(), wall: clock.now() };
}
