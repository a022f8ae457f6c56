// SPDX-License-Identifier: Apache-2.0
// Tokens with which devices enrol: made, shown once with what device management rolls out, revoked.

import { useSignal } from '@preact/signals';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { personIn } from '../model/words.ts';
import { Copy } from '../parts/copy.tsx';
import { CloseButton, Dialog } from '../parts/dialog.tsx';
import { SelectField, TextField } from '../parts/fields.tsx';
import { Form, FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct, useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Token = AnswerOf<'tokens'>['tokens'][number];
const words = STRINGS.tokens;
const HOURS = [1, 24, 168, 720, 2160, 8760] as const;

function stateOf({ revoked, expires, uses, max_uses }: Token, now: number): keyof typeof words.states {
  if (revoked) return 'revoked';
  if (expires <= now) return 'expired';
  return uses >= max_uses ? 'used' : 'open';
}

export function Enrolment({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.tokens());
  const making = useSignal(false);
  const revoking = useSignal<Token | undefined>(undefined);
  const mayChange = store.session.can('tokens.change');
  const now = store.clock.now();
  const close = () => {
    making.value = false;
    revoking.value = undefined;
  };
  const done = () => void loading.reload();
  const revoked = revoking.value;
  return (
    <>
      <Heading
        store={store}
        title={STRINGS.views.enrolment}
        text={words.text}
        change="tokens.change"
        action={{
          label: words.new,
          onClick: () => {
            making.value = true;
          },
        }}
      />
      <Loaded of={loading}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty title={words.empty} />
          ) : (
            <Table
              label={words.table}
              rows={tokens}
              keyOf={({ id }) => id}
              columns={[
                { head: words.note, cell: ({ note }) => note },
                {
                  head: words.state,
                  cell: (token) => {
                    const state = stateOf(token, now);
                    return <Tag tone={state === 'open' ? 'ok' : 'plain'}>{words.states[state]}</Tag>;
                  },
                },
                {
                  head: words.uses,
                  class: 'number',
                  cell: ({ uses, max_uses }) => words.usesText(format.count(uses), format.count(max_uses)),
                },
                { head: words.expires, cell: ({ expires }) => <Time at={expires} now={now} /> },
                {
                  head: words.created,
                  cell: ({ created, created_by }) => (
                    <>
                      <Time at={created} now={now} />
                      <span class="under">{words.by(personIn(created_by))}</span>
                    </>
                  ),
                },
                ...(mayChange
                  ? [
                      {
                        head: words.revoke,
                        cell: (token: Token) =>
                          stateOf(token, now) === 'open' && (
                            <button
                              type="button"
                              class="danger"
                              aria-label={`${words.revoke}: ${token.note}`}
                              onClick={() => {
                                revoking.value = token;
                              }}
                            >
                              {words.revoke}
                            </button>
                          ),
                      },
                    ]
                  : []),
              ]}
            />
          )
        }
      </Loaded>
      {making.value && <NewToken store={store} onMade={done} onClose={close} />}
      {revoked !== undefined && (
        <FormDialog
          title={words.revokeTitle}
          submit={words.revoke}
          danger
          work={() => store.client.revokeToken({ id: revoked.id })}
          onDone={() => {
            store.say(words.revokeDone(revoked.note));
            close();
            done();
          }}
          onClose={close}
        >
          <p>{words.revokeText(revoked.note)}</p>
        </FormDialog>
      )}
    </>
  );
}

interface NewTokenProps extends Pick<PageProps, 'store'> {
  readonly onMade: () => void;
  readonly onClose: () => void;
}

function NewToken({ store, onMade, onClose }: NewTokenProps) {
  const [note, uses, hours] = [useSignal(''), useSignal('100'), useSignal('168')];
  const made = useSignal<AnswerOf<'newToken'> | undefined>(undefined);
  const act = useAct();
  const make = async (): Promise<void> => {
    const body = { note: note.value.trim(), max_uses: Number(uses.value), hours: Number(hours.value) };
    made.value = await store.client.newToken({ body });
    onMade();
  };
  const close = () => {
    if (made.value !== undefined) store.say(words.made);
    onClose();
  };
  return (
    <Dialog title={made.value === undefined ? words.newTitle : words.madeTitle} onClose={close}>
      {made.value === undefined ? (
        <Form act={act} submit={words.make} onSubmit={() => void act.run(make)} onCancel={close}>
          <TextField label={words.note} hint={words.noteHint} value={note} required maxLength={128} />
          <TextField label={words.maxUses} type="number" value={uses} required min={1} max={1_000_000} />
          <SelectField
            label={words.hours}
            value={hours}
            choices={HOURS.map((each) => ({ value: String(each), label: words.hoursText(each) }))}
          />
        </Form>
      ) : (
        <>
          <p>{words.madeText}</p>
          <Copy label={words.token} text={made.value.token} focus />
          <p>{words.settingsText}</p>
          <Copy label={words.settings} text={made.value.settings} />
          <CloseButton onClose={close} />
        </>
      )}
    </Dialog>
  );
}
