// SPDX-License-Identifier: Apache-2.0
// Says that the daemon is gone, the session over or the page old, and what to do. The announcement for screen readers is elsewhere.

import { format } from '../model/browser.ts';
import type { Store } from '../model/store.ts';
import { STRINGS } from '../strings.ts';
import { Text } from './text.tsx';

export function LinkNotice({ store }: { readonly store: Store }) {
  const link = store.link.value;
  const words = STRINGS.link;
  switch (link.kind) {
    case 'lost':
      return (
        <section class="notice notice-high" aria-labelledby="link-title">
          <h2 id="link-title">{words.lostTitle}</h2>
          <p>
            <Text>{words.lostText(format.time(link.since, Date.now()))}</Text>
          </p>
          <button type="button" onClick={() => store.client.retry()}>
            {words.retry}
          </button>
        </section>
      );
    case 'signed-out':
      return (
        <section class="notice notice-medium" aria-labelledby="link-title">
          <h2 id="link-title">{words.signedOutTitle}</h2>
          <p>
            <Text>{words.signedOutText}</Text>
          </p>
        </section>
      );
    case 'outdated':
      return (
        <section class="notice notice-medium" aria-labelledby="link-title">
          <h2 id="link-title">{words.outdatedTitle}</h2>
          <p>{words.outdatedText}</p>
          <button type="button" onClick={() => location.reload()}>
            {words.reload}
          </button>
        </section>
      );
    default:
      return null;
  }
}
