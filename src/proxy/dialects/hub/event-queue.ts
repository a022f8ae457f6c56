// SPDX-License-Identifier: Apache-2.0
// The events that a decoder has found and not yet handed on.

import type { HubEvent } from './hub.ts';
import type { LossCode } from './loss.ts';

export class EventQueue {
  #events: HubEvent[] = [];
  readonly #lost = new Set<LossCode>();

  push(event: HubEvent): void {
    this.#events.push(event);
  }

  /** Each code once: an answer may have thousands of them. */
  lose(code: LossCode, at = ''): void {
    if (this.#lost.has(code)) return;
    this.#lost.add(code);
    this.#events.push({ kind: 'loss', loss: { code, at } });
  }

  take(): readonly HubEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
