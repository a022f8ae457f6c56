// SPDX-License-Identifier: Apache-2.0
// What the local API tells from the audit log: wires the history to the folder, and to the policy, which says what calls cost.

import { join } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import { createHistory, type History } from './history/history.ts';
import type { Policy } from './policy/policy.ts';

export function openHistory(dataDir: string, policy: () => Policy, clock: Clock): History {
  return createHistory({
    dir: join(dataDir, 'audit'),
    clock,
    prices: () => {
      const { providers, settings } = policy();
      return { types: providers.map(({ name, type }) => [name, type] as const), overrides: settings.modelData };
    },
  });
}
