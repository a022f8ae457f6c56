// SPDX-License-Identifier: Apache-2.0
// Starts the daemon, where the surrounding can.

import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';
import { ActButton } from './act-button.tsx';

export function StartButton({ store, label }: { readonly store: Store; readonly label: string }) {
  const { link } = useUi().words.frame;
  const act = async (): Promise<string> => {
    const { ok, reason } = await store.client.act('start').catch(() => ({ ok: false, reason: undefined }));
    if (ok) return link.started;
    return reason === undefined ? link.notStarted : `${link.notStarted} ${reason}`;
  };
  return <ActButton store={store} kind="primary" label={label} act={act} />;
}
