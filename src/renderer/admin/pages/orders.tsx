// SPDX-License-Identifier: Apache-2.0
// Orders that hold at once on all devices and end by themselves: given, listed, ended.

import { useSignal } from '@preact/signals';
import { Text } from '../../parts/text.tsx';
import { AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import { personIn } from '../model/words.ts';
import { CheckField, SelectField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { LOOK_EVERY, useEvery, useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Ago, Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Order = AnswerOf<'orders'>['orders'][number];
const words = STRINGS.orders;

const nameOf = ({ level, target }: Pick<Order, 'level' | 'target'>): string =>
  target === null ? STRINGS.levels[level] : `${STRINGS.levels[level]}: ${target}`;

export function Orders({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.orders());
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  const giving = useSignal(false);
  const ending = useSignal<Order | undefined>(undefined);
  const mayChange = store.session.can('orders.change');
  const now = store.clock.now();
  const close = () => {
    giving.value = false;
    ending.value = undefined;
  };
  const done = (text: string) => {
    close();
    store.say(text);
    void loading.reload();
  };
  const ended = ending.value;
  return (
    <>
      <Heading
        store={store}
        title={STRINGS.views.orders}
        text={words.text}
        change="orders.change"
        action={{
          label: words.new,
          onClick: () => {
            giving.value = true;
          },
        }}
      />
      <Loaded of={loading}>
        {({ orders }) =>
          orders.length === 0 ? (
            <Empty title={words.empty} />
          ) : (
            <Table
              label={words.table}
              rows={orders}
              keyOf={({ id }) => id}
              columns={[
                {
                  head: words.columns.level,
                  cell: ({ level, target }) => (
                    <>
                      <Tag tone={level === 'bypass' ? 'attention' : 'blocked'}>{STRINGS.levels[level]}</Tag>{' '}
                      {target !== null && <code>{target}</code>}
                    </>
                  ),
                },
                { head: words.columns.reason, cell: ({ reason }) => reason },
                {
                  head: words.columns.until,
                  cell: ({ until }) => (
                    <>
                      <Ago at={until} now={now} />
                      <span class="under">
                        <Time at={until} now={now} />
                      </span>
                    </>
                  ),
                },
                {
                  head: words.columns.by,
                  cell: ({ by, issued }) => (
                    <>
                      <Time at={issued} now={now} />
                      <span class="under">{personIn(by)}</span>
                    </>
                  ),
                },
                ...(mayChange
                  ? [
                      {
                        head: words.columns.end,
                        cell: (order: Order) => (
                          <button
                            type="button"
                            aria-label={`${words.end}: ${nameOf(order)}`}
                            onClick={() => {
                              ending.value = order;
                            }}
                          >
                            {words.end}
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
      {giving.value && <NewOrder store={store} onDone={done} onClose={close} />}
      {ended !== undefined && (
        <FormDialog
          title={words.endTitle}
          submit={words.end}
          work={() => store.client.endOrder({ id: ended.id })}
          onDone={() => done(words.endDone(nameOf(ended)))}
          onClose={close}
        >
          <p>{words.endText(nameOf(ended))}</p>
        </FormDialog>
      )}
    </>
  );
}

interface NewOrderProps extends Pick<PageProps, 'store'> {
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

function NewOrder({ store, onDone, onClose }: NewOrderProps) {
  const level = useSignal<string>('block-provider');
  const [target, reason, minutes] = [useSignal(''), useSignal(''), useSignal('60')];
  const sure = useSignal(false);
  const chosen = level.value as Order['level'];
  const needsTarget = chosen === 'block-provider' || chosen === 'block-app';
  const give = async (): Promise<string> => {
    if (!needsTarget && !sure.value) throw new AdminFailure('invalid', words.sureMissing);
    const aim = needsTarget ? target.value.trim() : null;
    await store.client.newOrder({
      body: {
        level: chosen,
        reason: reason.value.trim(),
        minutes: Number(minutes.value),
        ...(aim === null ? {} : { target: aim }),
      },
    });
    return words.done(nameOf({ level: chosen, target: aim }));
  };
  return (
    <FormDialog title={words.newTitle} submit={words.give} danger work={give} onDone={onDone} onClose={onClose}>
      <SelectField
        label={words.level}
        value={level}
        choices={Object.entries(STRINGS.levels).map(([value, label]) => ({ value, label }))}
      />
      <p>
        <Text>{words.levelText[chosen]}</Text>
      </p>
      {needsTarget && (
        <TextField
          key={chosen}
          label={chosen === 'block-app' ? words.app : words.provider}
          value={target}
          required
          maxLength={256}
        />
      )}
      <TextField label={words.reason} hint={words.reasonHint} value={reason} required maxLength={256} />
      <TextField
        label={words.minutes}
        hint={words.minutesHint}
        type="number"
        value={minutes}
        required
        min={1}
        max={10_080}
      />
      {!needsTarget && <CheckField label={words.sure} value={sure} />}
    </FormDialog>
  );
}
