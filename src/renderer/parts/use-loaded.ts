// SPDX-License-Identifier: Apache-2.0
// What a view asks the daemon for once: loaded when it is shown and when the daemon is back, kept while it is away.

import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Link } from '../../client/agent-client.ts';

export interface Loaded<T> {
  /** The last answer; kept while a newer one cannot be had. */
  readonly value: T | undefined;
  readonly phase: 'loading' | 'loaded' | 'failed';
  /** Returns the answer; undefined: there was none, or it is not wanted any more. */
  reload(): Promise<T | undefined>;
}

interface Loading<T> {
  readonly phase: Loaded<T>['phase'];
  readonly value?: T;
}

/** @param key another one means another thing: what was loaded before is dropped */
export function useLoaded<T>(link: Link['kind'], load: () => Promise<T>, key = ''): Loaded<T> {
  const now: Signal<Loading<T>> = useSignal<Loading<T>>({ phase: 'loading' });
  const turn = useRef(0);
  const reload = async (): Promise<T | undefined> => {
    const mine = ++turn.current;
    const next = await load().then(
      (value): Loading<T> => ({ phase: 'loaded', value }),
      (): Loading<T> => ({ ...now.value, phase: 'failed' }),
    );
    if (mine !== turn.current) return undefined;
    now.value = next;
    return next.phase === 'loaded' ? next.value : undefined;
  };
  useEffect(() => {
    now.value = { phase: 'loading' };
    return () => {
      turn.current++;
    };
  }, [key]);
  useEffect(() => {
    // While it is being connected for the first time, the answer would only be asked for twice.
    if (link !== 'connecting') void reload();
  }, [link, key]);
  return { value: now.value.value, phase: now.value.phase, reload };
}
