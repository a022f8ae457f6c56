// SPDX-License-Identifier: Apache-2.0
// Names of the values that policies use. A value goes in and never comes out.

import { useSignal } from '@preact/signals';
import { Text } from '../../parts/text.tsx';
import type { AnswerOf } from '../client/admin-client.ts';
import { personIn } from '../model/words.ts';
import { TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Secret = AnswerOf<'secrets'>['secrets'][number];
const words = STRINGS.secrets;

type Asked =
  /** `name` '': a new one. */
  { readonly what: 'set' | 'remove'; readonly name: string };

export function Secrets({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.secrets());
  const asked = useSignal<Asked | undefined>(undefined);
  const mayChange = store.session.can('secrets.change');
  const now = store.clock.now();
  const close = () => {
    asked.value = undefined;
  };
  const done = (text: string) => {
    close();
    store.say(text);
    void loading.reload();
  };
  const ask = (what: Asked['what'], name: string) => () => {
    asked.value = { what, name };
  };
  const present = asked.value;
  return (
    <>
      <Heading
        store={store}
        title={STRINGS.views.secrets}
        text={words.text}
        change="secrets.change"
        action={{ label: words.new, onClick: ask('set', '') }}
      />
      <Loaded of={loading}>
        {({ secrets }) =>
          secrets.length === 0 ? (
            <Empty title={words.empty} />
          ) : (
            <Table
              label={words.table}
              rows={secrets}
              keyOf={({ name }) => name}
              columns={[
                { head: words.name, cell: ({ name }) => <code>{name}</code> },
                { head: words.updated, cell: ({ updated }) => <Time at={updated} now={now} /> },
                { head: words.by, cell: ({ updated_by }) => personIn(updated_by) },
                ...(mayChange
                  ? [
                      {
                        head: words.change,
                        cell: ({ name }: Secret) => (
                          <div class="buttons">
                            <button type="button" aria-label={`${words.replace}: ${name}`} onClick={ask('set', name)}>
                              {words.replace}
                            </button>
                            <button
                              type="button"
                              class="danger"
                              aria-label={`${words.remove}: ${name}`}
                              onClick={ask('remove', name)}
                            >
                              {words.remove}
                            </button>
                          </div>
                        ),
                      },
                    ]
                  : []),
              ]}
            />
          )
        }
      </Loaded>
      {present?.what === 'set' && <SetSecret store={store} name={present.name} onDone={done} onClose={close} />}
      {present?.what === 'remove' && (
        <FormDialog
          title={words.removeTitle(present.name)}
          submit={words.remove}
          danger
          work={() => store.client.removeSecret({ name: present.name })}
          onDone={() => done(words.removeDone(present.name))}
          onClose={close}
        >
          <p>{words.removeText}</p>
        </FormDialog>
      )}
    </>
  );
}

interface SetProps extends Pick<PageProps, 'store'> {
  readonly name: string;
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

function SetSecret({ store, name: given, onDone, onClose }: SetProps) {
  const [name, value] = [useSignal(given), useSignal('')];
  const set = async (): Promise<string> => {
    const wanted = name.value.trim();
    await store.client.setSecret({ name: wanted, body: { value: value.value } });
    return words.setDone(wanted);
  };
  return (
    <FormDialog
      title={given === '' ? words.newTitle : words.replaceTitle(given)}
      submit={words.set}
      work={set}
      onDone={onDone}
      onClose={onClose}
    >
      <p>
        <Text>{words.text}</Text>
      </p>
      {given === '' && (
        <TextField
          label={words.name}
          hint={words.nameHint}
          value={name}
          required
          maxLength={64}
          pattern="[A-Za-z0-9]([A-Za-z0-9._\-]{0,62}[A-Za-z0-9])?"
        />
      )}
      <TextField
        label={words.value}
        hint={words.valueHint}
        type="password"
        value={value}
        required
        maxLength={8_192}
        autocomplete="off"
      />
    </FormDialog>
  );
}
