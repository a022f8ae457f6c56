// SPDX-License-Identifier: Apache-2.0
// Shows what is fetched: that it is on its way, that it failed and can be asked for again, or the thing itself.

import type { ComponentChildren } from 'preact';
import { describeFailure } from '../model/failure.ts';
import type { Loading } from '../model/load.ts';
import { STRINGS } from '../strings.ts';
import { Failure } from './failure.tsx';

interface LoadedProps<T> {
  readonly of: Loading<T>;
  readonly children: (value: T) => ComponentChildren;
}

export function Loaded<T>({ of, children }: LoadedProps<T>) {
  const now = of.state.value;
  if (now.kind === 'loading') {
    return (
      <p class="quiet" role="status">
        {STRINGS.loading}
      </p>
    );
  }
  if (now.kind === 'failed') {
    const { title, text } = describeFailure(now.failure, false);
    return (
      <div class="empty" role="alert">
        <h2>{title}</h2>
        <p>{text}</p>
        <button type="button" aria-disabled={of.busy.value} onClick={() => void of.reload()}>
          {STRINGS.again}
        </button>
      </div>
    );
  }
  return (
    <>
      <Failure failure={now.failure} />
      {children(now.value)}
    </>
  );
}

/** Where a list has nothing in it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
