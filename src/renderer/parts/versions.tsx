// SPDX-License-Identifier: Apache-2.0
// Which versions of what run, and who keeps them running.

import type { About } from '../../contract/tray.ts';
import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';

export function Versions({ store, about }: { readonly store: Store; readonly about: About | undefined }) {
  const { about: words } = useUi().words;
  const { tray_version: tray, runtime = [], host } = about ?? {};
  return (
    <section aria-labelledby="versions">
      <h2 id="versions">{words.versions}</h2>
      <dl class="facts">
        <dt>{words.daemon}</dt>
        <dd>{store.state.value?.version ?? words.daemonUnknown}</dd>
        {tray !== undefined && (
          <>
            <dt>{words.tray}</dt>
            <dd>{tray}</dd>
          </>
        )}
        {runtime.length > 0 && (
          <>
            <dt>{words.runtime}</dt>
            <dd>{runtime.map(({ name, version }) => `${name} ${version}`).join(', ')}</dd>
          </>
        )}
        {host !== undefined && (
          <>
            <dt>{words.host}</dt>
            <dd>{words.hosts[host]}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
