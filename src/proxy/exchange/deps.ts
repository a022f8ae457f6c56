// SPDX-License-Identifier: Apache-2.0
// What the exchange is built from. Types only; daemon.ts fills it.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { ModelFacts } from '../dialects/index.ts';
import type { Policy, ProviderKey } from '../policy/policy.ts';
import type { Router } from '../routing/routing.ts';
import type { StateStore } from '../state/store.ts';
import type { H2Sessions } from '../upstream/h2-sessions.ts';
import type { Pools } from '../upstream/pools.ts';
import type { Counters } from './counters.ts';
import type { ObserveExchange } from './report.ts';

/** What is known of models (the models room). */
export interface ModelKnowledge {
  /** All undefined where nothing is known. */
  factsOf(providerType: string, model: string | undefined): ModelFacts;
  /** Is the model expected to think before its first word? */
  isReasoning(providerType: string, model: string | undefined): boolean;
}

export interface ExchangeDeps {
  /** The active policy; a call keeps the one that it began with. */
  readonly policy: () => Policy;
  readonly audit: AuditLog;
  readonly router: Router;
  readonly models: ModelKnowledge;
  /** A bearer token for a service account's key. Rejects with an OutpostError. */
  readonly googleToken: (key: ProviderKey) => Promise<string>;
  /** The provider refused the token that was made for it. */
  readonly dropGoogleToken: (key: ProviderKey) => void;
  readonly state: StateStore;
  readonly pools: Pools;
  readonly h2: H2Sessions;
  /** A verified socket that speaks HTTP/1.1, for WebSockets. */
  readonly dial: (origin: string, signal: AbortSignal) => Promise<Duplex>;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly observe: ObserveExchange;
  /** A fresh id with the given prefix: `req_…`, `dec_…`. */
  readonly newId: (prefix: 'req' | 'dec') => string;
}
