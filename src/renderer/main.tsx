// SPDX-License-Identifier: Apache-2.0
// Entry of the page: puts client, store and view together, in a browser or in the tray's window. Nothing else runs at load.

import { signal } from '@preact/signals';
import { render } from 'preact';
import { config } from 'zod/mini';
import type { PageClient } from '../client/agent-client.ts';
import { createHttpPage } from '../client/http-page.ts';
import { createIpcPage } from '../client/ipc.ts';
import { type Bridge, DEFAULT_PREFERENCES, type Surroundings } from '../contract/tray.ts';
import { languageOf } from '../strings/catalogue.ts';
import { App } from './app.tsx';
import { browserClock } from './clock.ts';
import { routeOf } from './model/route.ts';
import { createStore } from './model/store.ts';
import { browserParts } from './surroundings.ts';

// The page's content security policy forbids making code from text, which zod otherwise tries.
config({ jitless: true });

declare global {
  interface Window {
    /** The tray's window has it, a browser not. */
    readonly outpost?: Bridge;
  }
}

const inBrowser = (): PageClient =>
  createHttpPage({ ...browserParts, fetch: (input, init) => fetch(input, init), clock: browserClock, base: '' });
const client = window.outpost === undefined ? inBrowser() : createIpcPage(window.outpost);
const unasked: Surroundings = { language: languageOf(navigator.languages), preferences: DEFAULT_PREFERENCES };
// Before the first picture, so that it is in the right language at once.
const first = await client.surroundings().catch(() => unasked);
const store = createStore(client, browserClock, first, navigator.languages);
const route = signal(routeOf(location.hash));

window.addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});
// A laptop that wakes up, or a tab that is looked at again, should not show old news for long.
window.addEventListener('online', () => client.retry());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') client.retry();
});

const root = document.getElementById('app');
if (root !== null) render(<App store={store} route={route} />, root);
store.start((hash) => {
  location.hash = hash;
});
