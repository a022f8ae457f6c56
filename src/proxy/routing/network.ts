// SPDX-License-Identifier: Apache-2.0
// Is it this machine that has no network? While it is, nobody's health is judged, calls fail at once, and now and then one call finds out
// whether it is over. Times are monotonic milliseconds. Knows nothing of breakers.

import type { DeviceTuning, Provider } from '../policy/policy.ts';
import type { LocalHint } from './failure.ts';
import { LruMap } from './lru-map.ts';

/** Two are enough to judge by. */
const WITNESSES = 16;

export class Network {
  /** Since when there is none; undefined: there is, as far as is known. */
  #since: number | undefined;
  /** When an attempt began, or failed, that could have found out. */
  #lastTry = 0;
  /** When something last came back. */
  #lastHeard = Number.NEGATIVE_INFINITY;
  /** Host by host: when it last gave the hint. */
  readonly #seen = { unreached: new LruMap<number>(WITNESSES), portal: new LruMap<number>(WITNESSES) };

  get offline(): boolean {
    return this.#since !== undefined;
  }

  /**
   * Is a failure with this hint the machine's own? Two hosts within the window are needed: one alone may be behind a VPN that is off,
   * and while another answers there is a network.
   */
  isLocal(hint: LocalHint, { base: { host } }: Provider, now: number, { offlineWindow }: DeviceTuning): boolean {
    if (isNear(host)) return false;
    const seen = this.#seen[hint];
    seen.set(host.toLowerCase(), now);
    const recent = [...seen.values()].filter((at) => now - at <= offlineWindow);
    if (!this.offline && (recent.length < 2 || now - this.#lastHeard <= offlineWindow)) return false;
    this.#since ??= now;
    this.#lastTry = now;
    return true;
  }

  /** An answer came from this provider. */
  heard({ base }: Provider, now: number): void {
    if (!isNear(base.host)) this.#lastHeard = now;
  }

  /** It can be reached: true if that ended the offline state. */
  works({ base }: Provider): boolean {
    return !isNear(base.host) && this.reset();
  }

  /** Forgets who was not reached: the machine woke up. True if it had been offline. */
  reset(): boolean {
    const was = this.offline;
    this.#since = undefined;
    for (const witnesses of Object.values(this.#seen)) {
      for (const [host] of [...witnesses.entries()]) witnesses.delete(host);
    }
    return was;
  }

  /** Offline, and this provider is beyond the network that is gone. */
  isLost({ base }: Provider): boolean {
    return this.offline && !isNear(base.host);
  }

  /** May a call to this provider not be made: offline, and it is too soon to find out whether that is over. */
  isCutOff(provider: Provider, now: number, tuning: DeviceTuning): boolean {
    return this.isLost(provider) && this.nextProbe(now, tuning) > 0;
  }

  /** Milliseconds until a call may find out whether it is over. */
  nextProbe(now: number, { offlineProbe }: DeviceTuning): number {
    return Math.max(this.#lastTry + offlineProbe - now, 0);
  }

  /** True: the call that begins now is the one of its time that finds out. Nothing is held: how long it takes keeps nobody away. */
  claim(provider: Provider, now: number, tuning: DeviceTuning): boolean {
    if (!this.isLost(provider) || this.isCutOff(provider, now, tuning)) return false;
    this.#lastTry = now;
    return true;
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
