// SPDX-License-Identifier: Apache-2.0
// A policy store whose source can be exchanged while the daemon runs: whoever holds it follows. Owns nothing of the sources but their turn.

import type { Log } from '../../contract/log.ts';
import type { Policy, PolicyStatus, PolicyStore } from './policy.ts';

export interface SwitchingStore extends PolicyStore {
  /** From now on this one rules. The one before is not closed. */
  use(source: PolicyStore): void;
}

export function createSwitchingStore(first: PolicyStore, log: Log): SwitchingStore {
  let source = first;
  const listeners = new Set<(policy: Policy, status: PolicyStatus) => void>();
  const announce = (policy: Policy, status: PolicyStatus): void => {
    for (const listener of [...listeners]) {
      try {
        listener(policy, status);
      } catch (error) {
        log.error('policy-listener-failed', { error: String(error) });
      }
    }
  };
  let leave = source.onChange(announce);
  return {
    get current() {
      return source.current;
    },
    get status() {
      return source.status;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    use(next) {
      leave();
      source = next;
      leave = next.onChange(announce);
      announce(next.current, next.status);
    },
    close() {
      leave();
      listeners.clear();
      source.close();
    },
  };
}
