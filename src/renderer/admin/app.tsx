// SPDX-License-Identifier: Apache-2.0
// The frame of the admin page: who sees it, landmarks, navigation, what was just done, and which view is shown. Owns focus and title when
// views change.

import { type ReadonlySignal, type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Mark } from '../parts/icons.tsx';
import { describeFailure } from './model/failure.ts';
import { type Route, VIEWS } from './model/route.ts';
import type { Said, Store } from './model/store.ts';
import { rolesIn } from './model/words.ts';
import { SessionEnded } from './pages/session-ended.tsx';
import { FirstPassword, SignIn } from './pages/sign-in.tsx';
import { Navigation } from './parts/navigation.tsx';
import { STRINGS } from './strings.ts';
import { PAGES } from './views.ts';

interface AppProps {
  readonly store: Store;
  readonly route: ReadonlySignal<Route>;
}

export function App({ store, route }: AppProps) {
  const state = store.session.state.value;
  switch (state.kind) {
    case 'asking':
      return (
        <main class="door">
          <p role="status">{STRINGS.loading}</p>
        </main>
      );
    case 'failed': {
      const { title, text } = describeFailure(state.failure, false);
      return (
        <main class="door">
          <h1>{STRINGS.signIn.unreachable}</h1>
          <p role="alert">{`${title} ${text}`}</p>
          <button type="button" class="primary" onClick={() => void store.session.ask()}>
            {STRINGS.again}
          </button>
        </main>
      );
    }
    case 'out':
      return <SignIn store={store} left={state.left} />;
    case 'in':
      return state.session.change_password ? (
        <FirstPassword store={store} />
      ) : (
        <Frame store={store} route={route} ended={state.ended} />
      );
  }
}

function NotPermitted({ store }: { readonly store: Store }) {
  return (
    <div class="empty">
      <h1 tabIndex={-1}>{STRINGS.notPermitted.title}</h1>
      <p>{STRINGS.notPermitted.text(rolesIn(store.session))}</p>
    </div>
  );
}

/** Stays until it is dismissed or the next thing is done: nobody has to read fast. */
function SaidBar({ store }: { readonly store: Store }) {
  const said = store.said.value;
  const text = useSignal('');
  useEffect(() => {
    // A frame later: behind a dialog that is just being closed nothing is read out. The same words twice are read twice.
    text.value = '';
    const frame = requestAnimationFrame(() => {
      text.value = said?.text ?? '';
    });
    return () => cancelAnimationFrame(frame);
  }, [said, text]);
  return (
    <div class={text.value === '' ? 'said-none' : 'said'}>
      <p role="status">{text.value}</p>
      {text.value !== '' && (
        <button type="button" aria-label={STRINGS.dismiss} onClick={() => store.hush()}>
          ×
        </button>
      )}
    </div>
  );
}

function Frame({ store, route, ended }: AppProps & { readonly ended: boolean }) {
  const main = useRef<HTMLElement>(null);
  const open = useSignal(false);
  const { view, rest, query } = route.value;
  const place = [view, ...rest].join('/');
  const shown = useRef<string | undefined>(undefined);
  const carried = useRef<Said | undefined>(undefined);
  useEffect(() => {
    document.title = `${STRINGS.views[view]} - ${STRINGS.product}`;
  }, [view]);
  useEffect(() => {
    // Not on arrival: the browser puts the focus at the top by itself.
    const isChange = shown.current !== undefined && shown.current !== place;
    shown.current = place;
    open.value = false;
    if (!isChange) return;
    // What was said goes along to the view that it led to, but not further.
    if (store.said.peek() === carried.current) store.hush();
    carried.current = store.said.peek();
    window.scrollTo(0, 0);
    requestAnimationFrame(() => main.current?.querySelector('h1')?.focus());
  }, [place, open, store]);
  const Page = PAGES[view];
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: a skip link is a jump within the page, made by hand (see below) */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The address after # names the view, so the jump is made here.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {STRINGS.skip}
      </a>
      <Header store={store} open={open.value} onMenu={() => toggle(open)} />
      <div class="frame">
        <Navigation store={store} view={view} open={open.value} />
        <main id="main" ref={main} tabIndex={-1}>
          {store.session.can(VIEWS[view]) ? (
            <Page key={view} store={store} rest={rest} query={query} />
          ) : (
            <NotPermitted store={store} />
          )}
        </main>
      </div>
      <SaidBar store={store} />
      {ended && <SessionEnded store={store} />}
    </>
  );
}

function toggle(open: Signal<boolean>): void {
  open.value = !open.value;
}

interface HeaderProps {
  readonly store: Store;
  readonly open: boolean;
  readonly onMenu: () => void;
}

function Header({ store, open, onMenu }: HeaderProps) {
  const state = store.session.state.value;
  if (state.kind !== 'in') return null;
  const { org, user } = state.session;
  return (
    <header>
      <button type="button" class="menu" aria-expanded={open} aria-controls="pages" onClick={onMenu}>
        {STRINGS.menu}
      </button>
      <p class="brand">
        <Mark />
        <span>{STRINGS.product}</span>
        <span class="org">{org.name}</span>
      </p>
      <p class="who">
        <a href="#/account">{user.name}</a>
      </p>
    </header>
  );
}
