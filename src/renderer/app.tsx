// SPDX-License-Identifier: Apache-2.0
// The frame of the page: landmarks, navigation, notices, and which page is shown. Owns focus and title when pages change.

import { type ReadonlySignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { hashOf, ROUTES, type Route } from './model/route.ts';
import type { Store } from './model/store.ts';
import { Activity } from './pages/activity.tsx';
import { Overview } from './pages/overview.tsx';
import { Recorded } from './pages/recorded.tsx';
import { Mark, StatusIcon } from './parts/icons.tsx';
import { LinkNotice } from './parts/link-notice.tsx';
import { STRINGS } from './strings.ts';

const PAGES = { overview: Overview, activity: Activity, recorded: Recorded } as const;

function Header({ store, route }: { readonly store: Store; readonly route: Route }) {
  const summary = store.summary.value;
  return (
    <header>
      <p class="brand">
        <Mark />
        {STRINGS.product}
      </p>
      <nav aria-label={STRINGS.nav}>
        <ul>
          {ROUTES.map((name) => (
            <li key={name}>
              <a href={hashOf(name)} {...(name === route ? { 'aria-current': 'page' as const } : {})}>
                {STRINGS.pages[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <p class="status">
        <StatusIcon shape={summary.shape} />
        {summary.text}
      </p>
    </header>
  );
}

export function App({ store, route }: { readonly store: Store; readonly route: ReadonlySignal<Route> }) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef<Route | undefined>(undefined);
  useSignalEffect(() => {
    const next = route.value;
    document.title = `${STRINGS.pages[next]} - ${STRINGS.product}`;
    // Not on arrival: the browser puts the focus at the top by itself.
    const isChange = shown.current !== undefined && shown.current !== next;
    shown.current = next;
    if (isChange) requestAnimationFrame(() => main.current?.querySelector('h1')?.focus());
  });
  const Page = PAGES[route.value];
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: a skip link is a jump within the page, made by hand (see below) */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The address after # names the page, so the jump is made here.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {STRINGS.skip}
      </a>
      <Header store={store} route={route.value} />
      <main id="main" ref={main} tabIndex={-1}>
        <LinkNotice store={store} />
        <Page store={store} />
      </main>
      <div class="hidden" role="status">
        {store.announcement.value}
      </div>
    </>
  );
}
