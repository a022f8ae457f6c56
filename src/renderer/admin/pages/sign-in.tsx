// SPDX-License-Identifier: Apache-2.0
// The door: with a name and a password, or through the organisation's identity provider; and the first password, which must be changed.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Mark } from '../../parts/icons.tsx';
import { Text } from '../../parts/text.tsx';
import { addressOf } from '../client/address.ts';
import { AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import type { Store } from '../model/store.ts';
import { TextField } from '../parts/fields.tsx';
import { Form } from '../parts/form.tsx';
import { useAct, useLoad } from '../parts/hooks.ts';
import { Loaded } from '../parts/loaded.tsx';
import { keepPlace } from '../place.ts';
import { STRINGS } from '../strings.ts';

const words = STRINGS.signIn;

/** Nobody is signed in yet, so nothing says that somebody has been: it asks by itself. */
export function SignIn({ store, left }: { readonly store: Store; readonly left: boolean }) {
  const ways = useLoad(store, () => store.client.ways({ query: { org: store.org } }));
  const state = ways.state.value;
  const unknownOrg = state.kind === 'failed' && state.failure.code === 'missing';
  useEffect(() => {
    document.title = `${words.plain} - ${STRINGS.product}`;
  }, []);
  return (
    <main class="door">
      <p class="brand">
        <Mark />
        {STRINGS.product}
      </p>
      {left && (
        <p class="said-here" role="status">
          {words.left}
        </p>
      )}
      {unknownOrg ? (
        <OtherOrg store={store} />
      ) : (
        <>
          {state.kind !== 'loaded' && <h1>{words.plain}</h1>}
          <Loaded of={ways}>{(value) => <Ways store={store} ways={value} />}</Loaded>
        </>
      )}
    </main>
  );
}

function Ways({ store, ways }: { readonly store: Store; readonly ways: AnswerOf<'ways'> }) {
  return (
    <>
      <h1>{words.title(ways.name)}</h1>
      {ways.oidc && (
        <a class="button primary" href={addressOf('oidcStart', { query: { org: store.org } })} onClick={keepPlace}>
          {words.oidc}
        </a>
      )}
      {ways.oidc && ways.local && <p class="quiet or">{words.or}</p>}
      {ways.local && <LocalSignIn store={store} />}
      {!ways.oidc && !ways.local && (
        <p>
          <Text>{words.noWay}</Text>
        </p>
      )}
    </>
  );
}

interface LocalProps {
  readonly store: Store;
  /** Who is expected; undefined: anybody. */
  readonly known?: string | undefined;
}

export function LocalSignIn({ store, known }: LocalProps) {
  const [name, password] = [useSignal(known ?? ''), useSignal('')];
  const act = useAct();
  const send = async (): Promise<void> => {
    await act.run(() => store.session.signIn(name.value.trim(), password.value));
    if (act.failure.value !== undefined) password.value = '';
  };
  return (
    <Form act={act} submit={words.submit} onSubmit={() => void send()}>
      <TextField label={words.name} value={name} required maxLength={64} autocomplete="username" />
      <TextField
        label={words.password}
        type="password"
        value={password}
        required
        autocomplete="current-password"
        focus={known !== undefined}
      />
    </Form>
  );
}

function OtherOrg({ store }: { readonly store: Store }) {
  const org = useSignal(store.org ?? '');
  const act = useAct();
  return (
    <>
      <h1>{words.otherOrg}</h1>
      <p class="quiet">{words.otherOrgText}</p>
      <Form
        act={act}
        submit={words.orgGo}
        onSubmit={() => location.assign(`?${new URLSearchParams({ org: org.value.trim() })}${location.hash}`)}
      >
        <TextField label={words.org} value={org} required maxLength={63} />
      </Form>
    </>
  );
}

/** @param onDone the password was changed */
export function PasswordForm({ store, onDone }: { readonly store: Store; readonly onDone: () => void }) {
  const [before, after, repeat] = [useSignal(''), useSignal(''), useSignal('')];
  const act = useAct();
  const texts = STRINGS.password;
  const change = async (): Promise<void> => {
    if (after.value !== repeat.value) throw new AdminFailure('invalid', texts.differ);
    await store.session.changePassword(before.value, after.value);
    for (const field of [before, after, repeat]) field.value = '';
  };
  return (
    <Form act={act} submit={texts.submit} onSubmit={() => void act.run(change, onDone)}>
      <TextField label={texts.before} type="password" value={before} required autocomplete="current-password" />
      <TextField
        label={texts.after}
        hint={texts.afterHint}
        type="password"
        value={after}
        required
        minLength={12}
        autocomplete="new-password"
      />
      <TextField label={texts.repeat} type="password" value={repeat} required autocomplete="new-password" />
    </Form>
  );
}

export function FirstPassword({ store }: { readonly store: Store }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${STRINGS.password.first} - ${STRINGS.product}`;
    heading.current?.focus();
  }, []);
  return (
    <main class="door">
      <p class="brand">
        <Mark />
        {STRINGS.product}
      </p>
      <h1 ref={heading} tabIndex={-1}>
        {STRINGS.password.first}
      </h1>
      <p class="quiet">{STRINGS.password.firstText}</p>
      <PasswordForm store={store} onDone={() => store.say(STRINGS.password.done)} />
    </main>
  );
}
