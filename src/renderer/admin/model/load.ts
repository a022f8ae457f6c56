// SPDX-License-Identifier: Apache-2.0
// Something that is fetched and shown: whether it is here, failed, or is fetched anew. What was here stays until something newer is. Touches
// no element.

import { type ReadonlySignal, signal } from '@preact/signals';
import { type AdminFailure, failureOf } from '../client/admin-client.ts';

export type Load<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly failure: AdminFailure }
  /** `failure`: the newest attempt to fetch it again came to nothing. */
  | { readonly kind: 'loaded'; readonly value: T; readonly failure: AdminFailure | undefined };

export interface Loading<T> {
  readonly state: ReadonlySignal<Load<T>>;
  readonly busy: ReadonlySignal<boolean>;
  /** Of several attempts at once the newest counts. */
  reload(): Promise<void>;
  /** What is under way counts no more. */
  stop(): void;
}

export function createLoading<T>(fetch: () => Promise<T>): Loading<T> {
  const state = signal<Load<T>>({ kind: 'loading' });
  const busy = signal(false);
  let newest = 0;
  return {
    state,
    busy,
    async reload() {
      newest += 1;
      const own = newest;
      busy.value = true;
      const next = await fetch().then(
        (value): Load<T> => ({ kind: 'loaded', value, failure: undefined }),
        (error: unknown): Load<T> => {
          const failure = failureOf(error);
          const held = state.value;
          return held.kind === 'loaded' ? { ...held, failure } : { kind: 'failed', failure };
        },
      );
      if (own !== newest) return;
      state.value = next;
      busy.value = false;
    },
    stop() {
      newest += 1;
    },
  };
}
