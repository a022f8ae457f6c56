// SPDX-License-Identifier: Apache-2.0
// Who is signed in: what they may do, their password, and the way out.

import { useSignal } from '@preact/signals';
import { Failure } from '../parts/failure.tsx';
import { FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct } from '../parts/hooks.ts';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';
import { PasswordForm } from './sign-in.tsx';

const words = STRINGS.account;

export function Account({ store }: PageProps) {
  const act = useAct();
  const asking = useSignal(false);
  const state = store.session.state.value;
  if (state.kind !== 'in') return null;
  const { org, user, expires } = state.session;
  return (
    <>
      <Heading store={store} title={STRINGS.views.account}>
        <button
          type="button"
          aria-disabled={act.busy.value}
          onClick={() => {
            if (store.unsaved.value) asking.value = true;
            else void act.run(() => store.session.signOut());
          }}
        >
          {words.signOut}
        </button>
      </Heading>
      <Failure failure={act.failure.value} changing />
      <div class="columns">
        <section aria-labelledby="who">
          <h2 id="who">{words.who}</h2>
          <dl class="facts">
            <dt>{words.signedInAs}</dt>
            <dd>{user.name}</dd>
            <dt>{words.organisation}</dt>
            <dd>
              {org.name} <span class="quiet">{org.id}</span>
            </dd>
            <dt>{words.rolesTitle}</dt>
            <dd>
              <ul>
                {user.roles.map((role) => (
                  <li key={role}>
                    {STRINGS.roles[role]}: {STRINGS.roleText[role]}
                  </li>
                ))}
                {user.roles.length === 0 && <li>{STRINGS.noRoles}</li>}
              </ul>
            </dd>
            <dt>{words.until}</dt>
            <dd>
              <Time at={expires} now={store.clock.now()} />
            </dd>
          </dl>
        </section>
        <section aria-labelledby="password">
          <h2 id="password">{STRINGS.password.title}</h2>
          <p class="quiet">{STRINGS.password.text}</p>
          <PasswordForm store={store} onDone={() => store.say(STRINGS.password.done)} />
        </section>
      </div>
      {asking.value && (
        <FormDialog
          title={words.unsavedTitle}
          submit={words.unsavedSubmit}
          danger
          work={() => store.session.signOut()}
          onDone={() => undefined}
          onClose={() => {
            asking.value = false;
          }}
        >
          <p>{words.unsavedText}</p>
        </FormDialog>
      )}
    </>
  );
}
