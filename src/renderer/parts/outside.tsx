// SPDX-License-Identifier: Apache-2.0
// A link that leads out of the page. Whether it is followed, the surrounding decides.

import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';

interface OutsideProps {
  readonly store: Store;
  readonly url: string;
  readonly children: string;
}

export function Outside({ store, url, children }: OutsideProps) {
  const { frame } = useUi().words;
  const open = async (): Promise<void> => {
    const { ok } = await store.client.open(url).catch(() => ({ ok: false }));
    if (!ok) store.say(frame.notOpened);
  };
  return (
    <a
      href={url}
      rel="noopener noreferrer"
      onClick={(event) => {
        event.preventDefault();
        void open();
      }}
    >
      {children} <span class="quiet">{frame.outside}</span>
    </a>
  );
}
