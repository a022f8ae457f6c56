// SPDX-License-Identifier: Apache-2.0
// What views do over and over: fetch what they show, fetch it again, run something that a person asked for.

import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type AdminFailure, failureOf } from '../client/admin-client.ts';
import { createLoading, type Loading } from '../model/load.ts';
import type { Store } from '../model/store.ts';

/** Fetches at once, when a value of `inputs` changes (what was there is dropped then), and when somebody has signed in again. */
export function useLoad<T>({ session }: Store, fetch: () => Promise<T>, inputs: readonly unknown[] = []): Loading<T> {
  const newest = useRef(fetch);
  newest.current = fetch;
  // Another question is another load.
  const loading = useMemo(() => createLoading(() => newest.current()), inputs);
  const generation = session.generation.value;
  // The generation says when to ask again.
  useEffect(() => {
    void loading.reload();
    return loading.stop;
  }, [loading, generation]);
  return loading;
}

/** Milliseconds between two looks of a view that shows what goes on. */
export const LOOK_EVERY = 30_000;

/** Calls `work` every `ms` milliseconds while somebody looks at the page. */
export function useEvery({ clock, session }: Store, ms: number, work: () => void): void {
  const newest = useRef(work);
  newest.current = work;
  useEffect(() => {
    const timer = clock.every(ms, () => {
      const { value } = session.state;
      if (document.visibilityState === 'visible' && value.kind === 'in' && !value.ended) newest.current();
    });
    return () => timer.clear();
  }, [clock, session, ms]);
}

export interface Act {
  readonly busy: ReadonlySignal<boolean>;
  readonly failure: ReadonlySignal<AdminFailure | undefined>;
  /** One at a time: asked again meanwhile, nothing happens. `then` runs when it was done. */
  run<T>(work: () => Promise<T>, then?: (value: T) => void): Promise<void>;
  reset(): void;
}

export function useAct(): Act {
  const busy = useSignal(false);
  const failure = useSignal<AdminFailure | undefined>(undefined);
  return useMemo(
    () => ({
      busy,
      failure,
      async run(work, then) {
        if (busy.value) return;
        busy.value = true;
        failure.value = undefined;
        try {
          const value = await work();
          then?.(value);
        } catch (error) {
          failure.value = failureOf(error);
        } finally {
          busy.value = false;
        }
      },
      reset() {
        failure.value = undefined;
      },
    }),
    [busy, failure],
  );
}
