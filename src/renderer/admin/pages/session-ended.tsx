// SPDX-License-Identifier: Apache-2.0
// The session ended under way: signs in over the page, which stays as it is behind it.

import { useSignal } from '@preact/signals';
import { addressOf } from '../client/address.ts';
import type { Store } from '../model/store.ts';
import { Dialog } from '../parts/dialog.tsx';
import { useLoad } from '../parts/hooks.ts';
import { Loaded } from '../parts/loaded.tsx';
import { STRINGS } from '../strings.ts';
import { LocalSignIn } from './sign-in.tsx';

const words = STRINGS.ended;

export function SessionEnded({ store }: { readonly store: Store }) {
  const ways = useLoad(store, () => store.client.ways({ query: { org: orgOf(store) } }));
  const still = useSignal(false);
  const look = async (): Promise<void> => {
    still.value = false;
    await store.session.ask();
    // Gone by now if it worked.
    still.value = true;
  };
  return (
    <Dialog title={words.title} onClose={undefined}>
      <p>{words.text}</p>
      <Loaded of={ways}>
        {({ local, oidc }) => (
          <>
            {local && <LocalSignIn store={store} known={nameOf(store)} />}
            {oidc && (
              <div class="form">
                <p class="quiet">{words.oidcText}</p>
                <div class="buttons">
                  <a
                    class="button"
                    href={addressOf('oidcStart', { query: { org: orgOf(store) } })}
                    target="_blank"
                    rel="noopener"
                  >
                    {STRINGS.signIn.oidc}
                  </a>
                  <button type="button" onClick={() => void look()}>
                    {words.back}
                  </button>
                </div>
                <p role="status">{still.value && words.still}</p>
              </div>
            )}
          </>
        )}
      </Loaded>
      <p>
        <button type="button" class="link" onClick={() => store.session.giveUp()}>
          {words.giveUp}
        </button>
      </p>
    </Dialog>
  );
}

function nameOf({ session }: Store): string {
  const { value } = session.state;
  return value.kind === 'in' ? value.session.user.name : '';
}

/** Of the session that ended: the address may say nothing. */
function orgOf({ session, org }: Store): string | undefined {
  const { value } = session.state;
  return value.kind === 'in' ? value.session.org.id : org;
}
