// SPDX-License-Identifier: Apache-2.0
// What device management has set for this device, merged into what the organisation published, so that no bundle can loosen it. Pure.

import type { Config } from '../../contract/config.ts';
import type { Floors } from '../../contract/sync/managed.ts';
import type { Managed } from '../policy/compile.ts';
import { DEFAULTS } from '../policy/settings.ts';

type Level = NonNullable<NonNullable<Config['audit']>['level']>;

/** Each stricter than the one before. */
const LEVELS: readonly Level[] = ['relaxed', 'standard', 'strict'];

function stricter(a: Level, b: Level | undefined): Level {
  return b !== undefined && LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a;
}

/** The configuration with the floors in it. Hosts that stay blocked come before all rules, denied models after all others. */
export function applyFloors(config: Config, floors: Floors): Config {
  const { audit, block_hosts: hosts = [], deny_models: deny = [] } = floors;
  const meant = DEFAULTS.audit;
  const days = config.audit?.retention_days ?? meant.retentionDays;
  return {
    ...config,
    ...(audit === undefined
      ? {}
      : {
          audit: {
            ...config.audit,
            level: stricter(config.audit?.level ?? meant.level, audit.level),
            on_full: audit.on_full ?? config.audit?.on_full ?? meant.onFull,
            retention_days: Math.max(days, audit.retention_days ?? 0),
          },
        }),
    ...(hosts.length === 0
      ? {}
      : { hosts: [...hosts.map((host) => ({ host, action: 'block' as const })), ...(config.hosts ?? [])] }),
    ...(deny.length === 0 ? {} : { models: { ...config.models, deny: [...(config.models?.deny ?? []), ...deny] } }),
  };
}

/** How many of the rules that `applyFloors` gives are management's. */
export function managedRules({ block_hosts: hosts = [], deny_models: deny = [] }: Floors): Managed {
  return { hosts: hosts.length, deny: deny.length };
}
