// SPDX-License-Identifier: Apache-2.0
// Is it this machine that has no network? While it is, nobody's health is judged, calls fail at once, and one call at a time finds out
// whether it is over. Times are monotonic milliseconds. Knows nothing of breakers.

import type { DeviceTuning, Provider } from '../policy/policy.ts';
import type { LocalHint } from './failure.ts';
import { LruMap } from './lru-map.ts';

/** Two are enough to judge by. */
const WITNESSES = 16;

export class Network {
  /** Since when there is none; undefined: there is, as far as is known. */
  #since: number | undefined;
  #lastProbe = 0;
  #probing = false;
  /** Host by host, provider by provider: when it last gave the hint. */
  readonly #seen = { name: new LruMap<number>(WITNESSES), portal: new LruMap<number>(WITNESSES) };

  get offline(): boolean {
    return this.#since !== undefined;
  }

  /** Is a failure with this hint the machine's own? Two witnesses within the window are needed, unless there was no way out at all. */
  isLocal(hint: LocalHint, { name, base }: Provider, now: number, tuning: DeviceTuning): boolean {
    if (isNear(base.host)) return false;
    if (hint !== 'no-route') {
      const seen = this.#seen[hint];
      seen.set(hint === 'name' ? base.host : name, now);
      const recent = [...seen.values()].filter((at) => now - at <= tuning.offlineWindow);
      if (!this.offline && recent.length < 2) return false;
    }
    this.#since ??= now;
    this.#lastProbe = now;
    return true;
  }

  /** Something came back: true if that ended the offline state. */
  works({ base }: Provider): boolean {
    return !isNear(base.host) && this.reset();
  }

  /** Forgets all: the machine woke up. True if it had been offline. */
  reset(): boolean {
    const was = this.offline;
    this.#since = undefined;
    for (const witnesses of Object.values(this.#seen)) {
      for (const [name] of [...witnesses.entries()]) witnesses.delete(name);
    }
    return was;
  }

  /** May a call to this provider not be made: offline, and another one is finding out, or it is too soon for that. */
  isCutOff({ base }: Provider, now: number, tuning: DeviceTuning): boolean {
    if (!this.offline || isNear(base.host)) return false;
    return this.#probing || this.nextProbe(now, tuning) > 0;
  }

  /** Milliseconds until a call may find out whether it is over. */
  nextProbe(now: number, { offlineProbe }: DeviceTuning): number {
    return Math.max(this.#lastProbe + offlineProbe - now, 0);
  }

  /** True: the call that begins now is the one that finds out; `release` when it has ended. */
  claim({ base }: Provider, now: number): boolean {
    if (!this.offline || this.#probing || isNear(base.host)) return false;
    this.#probing = true;
    this.#lastProbe = now;
    return true;
  }

  release(): void {
    this.#probing = false;
  }
}

/**
 * Not reached through the network whose loss is meant: this machine, and the addresses and names of a local network. That a box
 * under the desk is off says nothing about the way out, and it may be there when that is gone.
 */
export function isNear(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  if (name.includes(':')) return name === '::1' || /^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/.test(name);
  if (!name.includes('.')) return true;
  if (/\.(?:local|localhost|internal|lan|home\.arpa)$/.test(name)) return true;
  return /^(?:127|10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){1,3}$/.test(name);
}
