// SPDX-License-Identifier: Apache-2.0
// Which questions wait, and for whom. Equal ones that wait are one; one whose askers have all gone is dropped. Knows no thread.

import { Unavailable } from '../../contract/unavailable.ts';
import type { Question } from './history-protocol.ts';

/** Each takes about half a second at most (measured, 100,000 rows on a busy machine): the last one waits some seconds. */
const MOST_WAITING = 16;

interface Asker {
  resolve(answer: never): void;
  reject(error: unknown): void;
}

/** A question of one or more askers. */
export interface Asked {
  readonly kind: Question['kind'];
  /** Made when it is sent: prices are those of that moment. */
  readonly question: () => Question;
  readonly askers: Set<Asker>;
}

export class QuestionQueue {
  /** By what makes questions equal; the oldest first. */
  readonly #waiting = new Map<string, Asked>();

  /** Rejects at once where too many wait, and as soon as `gone` says that nobody waits for the answer. */
  add(key: string, kind: Question['kind'], question: () => Question, gone?: AbortSignal): Promise<never> {
    if (gone?.aborted) return Promise.reject(gone.reason);
    const known = this.#waiting.get(key);
    // There is never more than one question for the usage.
    if (known === undefined && kind !== 'usage' && this.#waiting.size >= MOST_WAITING) {
      return Promise.reject(new Unavailable('busy', 'Too much of the log is being asked for at once.'));
    }
    const asked = known ?? { kind, question, askers: new Set() };
    this.#waiting.set(key, asked);
    const { promise, resolve, reject } = Promise.withResolvers<never>();
    const asker: Asker = { resolve, reject };
    asked.askers.add(asker);
    const leave = (): void => {
      if (!asked.askers.delete(asker)) return;
      reject(gone?.reason);
      if (asked.askers.size === 0 && this.#waiting.get(key) === asked) this.#waiting.delete(key);
    };
    gone?.addEventListener('abort', leave, { once: true });
    return promise;
  }

  /** Takes the oldest one that may be sent now. */
  take(may: (kind: Question['kind']) => boolean): Asked | undefined {
    for (const [key, asked] of this.#waiting) {
      if (!may(asked.kind)) continue;
      this.#waiting.delete(key);
      return asked;
    }
    return undefined;
  }
}

/** Each asker is answered once, however often this is called. */
export function settle({ askers }: Asked, answer: (asker: Asker) => void): void {
  const all = [...askers];
  askers.clear();
  for (const asker of all) answer(asker);
}
