// SPDX-License-Identifier: Apache-2.0
// The device's budget of retries at the same target: when everything fails, retries stop, and do not make it worse. Tokens.

import type { DeviceTuning } from '../policy/policy.ts';

export class RetryBucket {
  #tokens: number | undefined;

  /** A call began. */
  credit({ retryRatio, retryBurst }: DeviceTuning): void {
    this.#tokens = Math.min((this.#tokens ?? retryBurst) + retryRatio, retryBurst);
  }

  /** False: there is none left. */
  take({ retryBurst }: DeviceTuning): boolean {
    const tokens = this.#tokens ?? retryBurst;
    if (tokens < 1) return false;
    this.#tokens = tokens - 1;
    return true;
  }
}
