// SPDX-License-Identifier: Apache-2.0
// The gallery's own page: every state in a list, the view in a frame, and switches for language, theme and width.

import { computed, signal } from '@preact/signals';
import { render } from 'preact';
import { LANGUAGES, THEMES } from '../../src/contract/tray.ts';
import { ADDRESSES } from './state.ts';
import { galleryStates } from './states.ts';

const states = galleryStates(Date.now());
const WIDTHS = ['960', '380', '640', '1280'] as const;

const chosen = {
  state: signal(states[0]?.name ?? ''),
  hash: signal('#/'),
  language: signal('en'),
  theme: signal('system'),
  width: signal<string>(WIDTHS[0]),
};

const address = computed(() => {
  const wish = { state: chosen.state.value, language: chosen.language.value, theme: chosen.theme.value };
  return `view.html?${new URLSearchParams(wish)}${chosen.hash.value}`;
});

function Switch({ name, choices }: { readonly name: keyof typeof chosen; readonly choices: readonly string[] }) {
  return (
    <label>
      {name}{' '}
      <select
        value={chosen[name].value}
        onChange={(event) => {
          chosen[name].value = event.currentTarget.value;
        }}
      >
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    </label>
  );
}

function Gallery() {
  return (
    <div class="gallery">
      <nav aria-label="States">
        <h1>Gallery</h1>
        {states.map(({ name, label, at }) => (
          <section key={name}>
            <h2>{label}</h2>
            <ul>
              {at.map((hash) => (
                <li key={hash}>
                  <button
                    type="button"
                    aria-pressed={name === chosen.state.value && hash === chosen.hash.value}
                    onClick={() => {
                      chosen.state.value = name;
                      chosen.hash.value = hash;
                    }}
                  >
                    {hash}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
      <main>
        <p class="switches">
          <Switch name="hash" choices={ADDRESSES.includes(chosen.hash.value) ? ADDRESSES : [chosen.hash.value]} />
          <Switch name="language" choices={LANGUAGES} />
          <Switch name="theme" choices={THEMES} />
          <Switch name="width" choices={WIDTHS} />
          <a href={address.value}>alone</a>
        </p>
        {/* Another address is another frame: only its hash may differ. */}
        <iframe key={address.value} title="The view" class={`wide-${chosen.width.value}`} src={address.value} />
      </main>
    </div>
  );
}

const root = document.getElementById('app');
if (root !== null) render(<Gallery />, root);
