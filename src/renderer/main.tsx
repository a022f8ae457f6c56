// SPDX-License-Identifier: Apache-2.0
// Entry of the page: puts client, store and view together. Nothing else runs at load.

import { signal } from '@preact/signals';
import { render } from 'preact';
import { config } from 'zod/mini';
import { createHttpClient } from '../client/http.ts';
import { App } from './app.tsx';
import { browserClock } from './clock.ts';
import { routeOf } from './model/route.ts';
import { createStore } from './model/store.ts';

// The page's content security policy forbids making code from text, which zod otherwise tries.
config({ jitless: true });

const client = createHttpClient({ fetch: (input, init) => fetch(input, init), clock: browserClock, base: '' });
const store = createStore(client);
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
store.start();
