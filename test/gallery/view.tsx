// SPDX-License-Identifier: Apache-2.0
// The page as it is, with the fake client, in one state of the gallery: `view.html?state=NAME&language=de&theme=dark#/usage`.

import { signal } from '@preact/signals';
import { render } from 'preact';
import { createFakeClient } from '../../src/client/fake.ts';
import { DEFAULT_PREFERENCES, preferences } from '../../src/contract/tray.ts';
import { App } from '../../src/renderer/app.tsx';
import { browserClock } from '../../src/renderer/clock.ts';
import { routeOf } from '../../src/renderer/model/route.ts';
import { createStore } from '../../src/renderer/model/store.ts';
import { galleryStates } from './states.ts';

export interface Place {
  readonly state: string;
  readonly hash: string;
  readonly language?: string;
  readonly theme?: string;
}

declare global {
  interface Window {
    /** Shows another place without loading the page again. Resolves when nothing changes any more. */
    galleryShow(place: Place): Promise<void>;
    readonly galleryPlaces: readonly { readonly state: string; readonly hash: string }[];
  }
}

const now = Date.now();
const states = galleryStates(now);
const root = document.getElementById('app') ?? document.body;
let leave = (): void => undefined;

const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));

/** Three equal frames: whatever was asked for has come, and its effects have run. */
async function settled(): Promise<void> {
  let before = '';
  for (let equal = 0; equal < 3; ) {
    await frame();
    const html = document.body.innerHTML;
    equal = html === before ? equal + 1 : 0;
    before = html;
  }
}

async function show({ state: name, hash, language = 'system', theme = 'system' }: Place): Promise<void> {
  leave();
  render(null, root);
  const state = states.find((each) => each.name === name) ?? states[0];
  if (state === undefined) return;
  const chosen = preferences.safeParse({ ...DEFAULT_PREFERENCES, language, theme });
  const client = createFakeClient({
    ...state.answers,
    preferences: chosen.success ? chosen.data : DEFAULT_PREFERENCES,
  });
  const store = createStore(client, browserClock, await client.surroundings(), navigator.languages);
  const route = signal(routeOf(hash));
  const turn = (): void => {
    route.value = routeOf(location.hash);
  };
  window.scrollTo(0, 0);
  history.replaceState(null, '', `?${new URLSearchParams({ state: state.name, language, theme })}${hash}`);
  window.addEventListener('hashchange', turn);
  const stop = store.start();
  client.link(state.link);
  if (state.state !== undefined) client.state(state.state);
  render(<App store={store} route={route} />, root);
  if (state.checks === true) void store.checks.start();
  leave = () => {
    stop();
    window.removeEventListener('hashchange', turn);
  };
  await settled();
}

const asked = new URLSearchParams(location.search);
Object.assign(window, {
  galleryShow: show,
  galleryPlaces: states.flatMap(({ name, at }) => at.map((hash) => ({ state: name, hash }))),
});
void show({
  state: asked.get('state') ?? '',
  hash: location.hash,
  language: asked.get('language') ?? 'system',
  theme: asked.get('theme') ?? 'system',
});
