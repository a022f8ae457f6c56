// SPDX-License-Identifier: Apache-2.0
// The organisation's settings: its root of trust to look at, four eyes to switch, everything else as JSON.

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Text } from '../../parts/text.tsx';
import { AdminFailure, type AnswerOf, type Fault, failureOf } from '../client/admin-client.ts';
import { parseSettings, placed } from '../model/settings-text.ts';
import type { Store } from '../model/store.ts';
import { CodeEditor, goTo } from '../parts/code-editor.tsx';
import { Copy } from '../parts/copy.tsx';
import { Failure } from '../parts/failure.tsx';
import { FaultList } from '../parts/fault-list.tsx';
import { Form, FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct, useLoad } from '../parts/hooks.ts';
import { Listing } from '../parts/listing.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Answer = AnswerOf<'settings'>;
const words = STRINGS.settings;
const NO_FAULTS: readonly Fault[] = [];

export function Settings({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.settings());
  const reload = () => void loading.reload();
  const mayChange = store.session.can('settings.change');
  return (
    <>
      <Heading store={store} title={STRINGS.views.settings} change="settings.change" />
      <Loaded of={loading}>
        {(answer) => (
          <>
            <div class="columns">
              <Org org={answer.org} />
              <FourEyes store={store} on={answer.four_eyes} mayChange={mayChange} onDone={reload} />
            </div>
            <Root root={answer.root} now={store.clock.now()} />
            <section aria-labelledby="all">
              <h2 id="all">{words.all}</h2>
              <p class="quiet">{words.allText}</p>
              {mayChange ? (
                <>
                  <Json store={store} stored={jsonOf(answer)} sha256={answer.sha256} onDone={reload} />
                  <Exports />
                </>
              ) : (
                <Listing name={words.all} text={jsonOf(answer)} />
              )}
            </section>
          </>
        )}
      </Loaded>
    </>
  );
}

const jsonOf = ({ settings }: Answer): string => JSON.stringify(settings, undefined, 2);

function Org({ org }: { readonly org: Answer['org'] }) {
  return (
    <section aria-labelledby="org">
      <h2 id="org">{words.org}</h2>
      <dl class="facts pairs">
        <dt>{words.name}</dt>
        <dd>{org.name}</dd>
        <dt>{words.id}</dt>
        <dd>
          <code>{org.id}</code>
        </dd>
      </dl>
    </section>
  );
}

function Root({ root, now }: { readonly root: Answer['root']; readonly now: number }) {
  return (
    <section aria-labelledby="root">
      <h2 id="root">{words.root}</h2>
      <p class="quiet">{words.rootText}</p>
      <div class="facts card">
        <dl class="pairs">
          <dt>{words.rootNumber}</dt>
          <dd>{root.number}</dd>
          <dt>{words.expires}</dt>
          <dd>
            <Time at={root.expires} now={now} />
          </dd>
        </dl>
        <Copy label={words.fingerprint} text={root.fingerprint} />
      </div>
    </section>
  );
}

interface FourEyesProps {
  readonly store: Store;
  readonly on: boolean;
  readonly mayChange: boolean;
  readonly onDone: () => void;
}

function FourEyes({ store, on, mayChange, onDone }: FourEyesProps) {
  const asking = useSignal(false);
  const act = useAct();
  const close = () => {
    asking.value = false;
  };
  const set = (four_eyes: boolean) => store.client.setSettings({ body: { four_eyes } });
  const done = (now: boolean) => {
    close();
    store.say(words.fourEyesDone(now));
    onDone();
  };
  return (
    <section aria-labelledby="four-eyes">
      <h2 id="four-eyes">{words.fourEyes}</h2>
      <div class="facts card">
        <p>
          <Tag tone={on ? 'ok' : 'attention'}>{on ? words.fourEyesOn : words.fourEyesOff}</Tag> {words.fourEyesText}
        </p>
        {mayChange && (
          <button
            type="button"
            aria-disabled={act.busy.value}
            onClick={() => {
              if (on) asking.value = true;
              else
                void act.run(
                  () => set(true),
                  () => done(true),
                );
            }}
          >
            {on ? words.fourEyesSwitchOff : words.fourEyesSwitchOn}
          </button>
        )}
        <Failure failure={act.failure.value} changing />
      </div>
      {asking.value && (
        <FormDialog
          title={words.fourEyesTitleOff}
          submit={words.fourEyesSwitchOff}
          danger
          work={() => set(false)}
          onDone={() => done(false)}
          onClose={close}
        >
          <p>{words.fourEyesTextOff}</p>
        </FormDialog>
      )}
    </section>
  );
}

interface JsonProps {
  readonly store: Store;
  readonly stored: string;
  readonly sha256: string;
  readonly onDone: () => void;
}

function Json({ store, stored, sha256, onDone }: JsonProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const written = store.settingsText;
  const act = useAct();
  /** Of the newest attempt to save; they stay while somebody mends them. */
  const faults = useSignal(NO_FAULTS);
  const { text, ...of } = written.value ?? { text: stored, sha256 };
  const save = () =>
    act.run(
      async () => {
        faults.value = NO_FAULTS;
        try {
          await store.client.setSettings({ body: { settings: parseSettings(text), ...of } });
        } catch (error) {
          const failure = failureOf(error);
          faults.value = placed(text, failure.faults);
          throw failure.code === 'conflict' ? new AdminFailure('conflict', words.changed) : failure;
        }
      },
      () => {
        // What was typed while it was on its way is not stored.
        if (written.value?.text === text) written.value = undefined;
        store.say(words.saved);
        onDone();
      },
    );
  const reset = () => {
    written.value = undefined;
    faults.value = NO_FAULTS;
    act.reset();
    // Others may be stored by now.
    onDone();
  };
  return (
    <Form
      act={act}
      submit={words.save}
      cancel={words.reset}
      onSubmit={() => void save()}
      onCancel={written.value === undefined ? undefined : reset}
    >
      <CodeEditor
        label={words.label}
        text={text}
        errors={faults.value}
        warnings={NO_FAULTS}
        describedBy="all"
        field={field}
        onText={(next) => {
          written.value = next === stored ? undefined : { ...of, text: next };
        }}
      />
      <FaultList
        errors={faults.value}
        warnings={NO_FAULTS}
        onGo={({ line, column }) => field.current !== null && goTo(field.current, line, column)}
      />
    </Form>
  );
}

/** Shown as an example: the receivers are somebody's own. */
const EXPORTS = `"exports": [
  {
    "type": "ocsf",
    "name": "siem",
    "url": "https://siem.example.com/in",
    "kinds": ["refusal", "outcome"],
    "secret_headers": { "authorization": "Bearer KEY" }
  },
  { "type": "cef-syslog", "name": "archive", "host": "logs.example.com", "port": 6514 }
]`;

function Exports() {
  return (
    <details>
      <summary>{words.exports}</summary>
      <p class="quiet">
        <Text>{words.exportsText}</Text>
      </p>
      <Copy label={words.exportsExample} text={EXPORTS} />
    </details>
  );
}
