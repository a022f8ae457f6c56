// SPDX-License-Identifier: Apache-2.0
// Entry of the admin page: puts client, store and view together. Nothing else runs at load.

import { signal } from '@preact/signals';
import { render } from 'preact';
import { config } from 'zod/mini';
import { browserClock } from '../clock.ts';
import { App } from './app.tsx';
import { createHttpClient } from './client/http.ts';
import { routeOf } from './model/route.ts';
import { createStore } from './model/store.ts';
import { takePlace } from './place.ts';

// The page's content security policy forbids making code from text, which zod otherwise tries.
config({ jitless: true });

const client = createHttpClient({ fetch: (input, init) => fetch(input, init), clock: browserClock, base: '' });
const org = new URLSearchParams(location.search).get('org') ?? undefined;
const store = createStore({ client, clock: browserClock, org });
takePlace();
const route = signal(routeOf(location.hash));

window.addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});
window.addEventListener('beforeunload', (event) => {
  if (store.unsaved.value) event.preventDefault();
});
// Somebody may have signed in, or out, in another tab.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && store.session.state.value.kind === 'in') void store.session.ask();
});

const root = document.getElementById('app');
if (root !== null) render(<App store={store} route={route} />, root);
void store.session.ask();
