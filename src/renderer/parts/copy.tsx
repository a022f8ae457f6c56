// SPDX-License-Identifier: Apache-2.0
// A command to be run in a terminal, with a button that copies it.

import { useSignal } from '@preact/signals';
import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';

export function CopyCommand({ store, command }: { readonly store: Store; readonly command: string }) {
  const { frame } = useUi().words;
  const result = useSignal('');
  const copy = async (): Promise<void> => {
    result.value = await store.client.copy(command).then(
      () => frame.copied,
      () => frame.notCopied,
    );
    store.say(result.value);
  };
  return (
    <span class="copy">
      <code>{command}</code>
      <button type="button" aria-label={frame.copy(command)} onClick={() => void copy()}>
        {frame.copyShort}
      </button>
      <span class="quiet">{result.value}</span>
    </span>
  );
}
