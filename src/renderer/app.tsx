// SPDX-License-Identifier: Apache-2.0
// The frame of the page: landmarks, navigation, notices, and which page is shown. Owns focus, title, language and theme of the document.

import { type ReadonlySignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useRef } from 'preact/hooks';
import { hashOf, PAGES, type PageName, type Route } from './model/route.ts';
import type { Store } from './model/store.ts';
import { About } from './pages/about.tsx';
import { Activity } from './pages/activity.tsx';
import { Diagnostics } from './pages/diagnostics.tsx';
import { Overview } from './pages/overview.tsx';
import { Recorded } from './pages/recorded.tsx';
import { Usage } from './pages/usage.tsx';
import { Mark, StatusIcon } from './parts/icons.tsx';
import { LinkNotice } from './parts/link-notice.tsx';
import { UiContext, useUi } from './ui.ts';

export interface PageProps {
  readonly store: Store;
  readonly route: Route;
}

const VIEWS: Readonly<Record<PageName, ComponentType<PageProps>>> = {
  overview: Overview,
  usage: Usage,
  activity: Activity,
  recorded: Recorded,
  diagnostics: Diagnostics,
  about: About,
};

function Header({ store, route }: PageProps) {
  const { frame } = useUi().words;
  const summary = store.summary.value;
  return (
    <header>
      <p class="brand">
        <Mark />
        {frame.product}
      </p>
      <nav aria-label={frame.nav}>
        <ul>
          {PAGES.map((page) => (
            <li key={page}>
              <a href={hashOf(page)} {...(page === route.page ? { 'aria-current': 'page' as const } : {})}>
                {frame.pages[page]}
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
  /** How far the list of calls was scrolled when one of them was opened. Pixels. */
  const scrolled = useRef(0);
  useSignalEffect(() => {
    const { language, words } = store.ui.value;
    const { theme } = store.surroundings.value.preferences;
    const { page, call } = route.value;
    const root = document.documentElement;
    root.lang = language;
    root.dataset['theme'] = theme;
    document.title = `${words.frame.pages[page]} - ${words.frame.product}`;
    // Not on arrival: the browser puts the focus at the top by itself.
    const before = shown.current;
    shown.current = route.value;
    if (before === undefined || hashOf(before.page, before.call) === hashOf(page, call)) return;
    if (page === 'activity' && call !== undefined && before.call === undefined) scrolled.current = window.scrollY;
    const left = page === 'activity' && call === undefined && before.page === 'activity' ? before.call : undefined;
    requestAnimationFrame(() => {
      const row =
        left === undefined ? null : main.current?.querySelector<HTMLElement>(`a[href="${hashOf('activity', left)}"]`);
      if (row == null) {
        main.current?.querySelector('h1')?.focus();
        if (call !== undefined) window.scrollTo(0, 0);
        return;
      }
      // Who comes back from a call goes on where the list was left.
      window.scrollTo(0, scrolled.current);
      row.focus();
    });
  });
  const View = VIEWS[route.value.page];
  return (
    <UiContext.Provider value={store.ui.value}>
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
        {store.ui.value.words.frame.skip}
      </a>
      <div class="window">
        <Header store={store} route={route.value} />
        <main id="main" ref={main} tabIndex={-1}>
          <LinkNotice store={store} />
          <View store={store} route={route.value} />
        </main>
      </div>
      <div class="hidden" role="status">
        {store.announcement.value}
      </div>
    </UiContext.Provider>
  );
}
