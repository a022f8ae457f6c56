// SPDX-License-Identifier: Apache-2.0
// What the exchange is built from. Types only; daemon.ts fills it.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Policy } from '../policy/policy.ts';
import type { H2Sessions } from '../upstream/h2-sessions.ts';
import type { Pools } from '../upstream/pools.ts';
import type { Counters } from './counters.ts';

export interface ExchangeDeps {
  /** The active policy; a call keeps the one that it began with. */
  readonly policy: () => Policy;
  readonly audit: AuditLog;
  readonly pools: Pools;
  readonly h2: H2Sessions;
  /** A verified socket that speaks HTTP/1.1, for WebSockets. */
  readonly dial: (origin: string, signal: AbortSignal) => Promise<Duplex>;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  /** A fresh id with the given prefix: `req_…`, `dec_…`. */
  readonly newId: (prefix: 'req' | 'dec') => string;
}
