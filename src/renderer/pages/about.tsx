// SPDX-License-Identifier: Apache-2.0
// What Outpost is, its versions, the person's preferences, help, licences.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type About as AboutAnswer, LANGUAGES, type Preferences, THEMES } from '../../contract/tray.ts';
import type { Store } from '../model/store.ts';
import { Outside } from '../parts/outside.tsx';
import { Text } from '../parts/text.tsx';
import { Versions } from '../parts/versions.tsx';
import { useUi } from '../ui.ts';

type Settable = AboutAnswer['settable'][number];

function Choice<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly (readonly [value: T, label: string])[];
  readonly choose: (value: T) => void;
}) {
  const { label, value, choices, choose } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        onChange={(event) => {
          const chosen = choices.find(([each]) => each === event.currentTarget.value);
          if (chosen !== undefined) choose(chosen[0]);
        }}
      >
        {choices.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Form({ store, settable }: { readonly store: Store; readonly settable: readonly Settable[] }) {
  const { about: words } = useUi().words;
  const now = store.surroundings.value.preferences;
  const choose = (part: Partial<Preferences>): void => {
    store.prefer({ ...now, ...part }).then(
      // In the words of the language that was just chosen.
      () => store.say(store.ui.value.words.about.saved),
      () => store.say(words.notSaved),
    );
  };
  return (
    <section aria-labelledby="preferences">
      <h2 id="preferences">{words.preferences}</h2>
      <p class="quiet">{words.preferencesText}</p>
      <div class="card form">
        {settable.includes('language') && (
          <Choice
            label={words.language}
            value={now.language}
            choices={[['system', words.asSystem], ...LANGUAGES.map((each) => [each, words.languages[each]] as const)]}
            choose={(language) => choose({ language })}
          />
        )}
        {settable.includes('theme') && (
          <Choice
            label={words.theme}
            value={now.theme}
            choices={THEMES.map((each) => [each, words.themes[each]] as const)}
            choose={(theme) => choose({ theme })}
          />
        )}
        {(['notifications', 'open_at_login'] as const)
          .filter((name) => settable.includes(name))
          .map((name) => (
            <label key={name} class="tick">
              <input
                type="checkbox"
                checked={now[name]}
                onChange={(event) => choose({ [name]: event.currentTarget.checked })}
              />
              <span>{words[name]}</span>
            </label>
          ))}
      </div>
    </section>
  );
}

export function About({ store }: { readonly store: Store }) {
  const { about: words } = useUi().words;
  const answer = useSignal<AboutAnswer | undefined>(undefined);
  useEffect(() => {
    store.client.about().then(
      (about) => {
        answer.value = about;
      },
      // What is asked for belongs to the page's own surrounding: there is nothing to show without it.
      () => undefined,
    );
  }, [store]);
  const about = answer.value;
  const support = store.state.value?.support;
  return (
    <>
      <div>
        <h1 tabIndex={-1}>{words.title}</h1>
        <p class="lead quiet">{words.what}</p>
      </div>
      {about !== undefined && about.settable.length > 0 && <Form store={store} settable={about.settable} />}
      <Versions store={store} about={about} />
      <section aria-labelledby="help">
        <h2 id="help">{words.help}</h2>
        {support === undefined ? (
          <p>
            <Text>{words.helpNone}</Text>
          </p>
        ) : (
          <p>
            {words.helpText}{' '}
            <Outside store={store} url={support.url}>
              {support.label ?? support.url}
            </Outside>
          </p>
        )}
      </section>
      <section aria-labelledby="licences">
        <h2 id="licences">{words.licences}</h2>
        <p>
          <Text>{words.licencesText}</Text>
        </p>
      </section>
    </>
  );
}
