// SPDX-License-Identifier: Apache-2.0
// A button for something that takes a while: shows that it goes on, then says what came of it, aloud too.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Store } from '../model/store.ts';
import { Text } from './text.tsx';

interface ActButtonProps {
  readonly store: Store;
  readonly label: string;
  /** While it goes on. Absent: as `label`. */
  readonly busy?: string;
  readonly kind?: 'primary';
  /** What came of it, in words. Never rejects. */
  readonly act: () => Promise<string>;
}

export function ActButton({ store, label, busy = label, kind, act }: ActButtonProps) {
  const isBusy = useSignal(false);
  const result = useSignal('');
  const isShown = useRef(true);
  useEffect(
    () => () => {
      isShown.current = false;
    },
    [],
  );
  const run = async (): Promise<void> => {
    if (isBusy.value) return;
    isBusy.value = true;
    result.value = '';
    const said = await act();
    store.say(said.replaceAll('`', ''));
    if (!isShown.current) return;
    isBusy.value = false;
    result.value = said;
  };
  return (
    <span class="act">
      <button type="button" class={kind} aria-disabled={isBusy.value} onClick={() => void run()}>
        {isBusy.value ? busy : label}
      </button>
      {result.value !== '' && (
        <span class="quiet">
          <Text>{result.value}</Text>
        </span>
      )}
    </span>
  );
}
