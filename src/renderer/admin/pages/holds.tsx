// SPDX-License-Identifier: Apache-2.0
// Holds on audit rows: placed, listed, released.

import { useSignal } from '@preact/signals';
import { AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import { fromLocalField } from '../model/format.ts';
import { hashOf } from '../model/route.ts';
import { personIn } from '../model/words.ts';
import { TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Hold = AnswerOf<'holds'>['holds'][number];
const words = STRINGS.holds;

export function Holds({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.holds());
  const placing = useSignal(false);
  const releasing = useSignal<Hold | undefined>(undefined);
  const mayChange = store.session.can('holds.change');
  const now = store.clock.now();
  const close = () => {
    placing.value = false;
    releasing.value = undefined;
  };
  const done = (text: string) => {
    close();
    store.say(text);
    void loading.reload();
  };
  const released = releasing.value;
  return (
    <>
      <Heading
        store={store}
        title={STRINGS.views.holds}
        text={words.text}
        change="holds.change"
        action={{
          label: words.new,
          onClick: () => {
            placing.value = true;
          },
        }}
      />
      <Loaded of={loading}>
        {({ holds }) =>
          holds.length === 0 ? (
            <Empty title={words.empty} />
          ) : (
            <Table
              label={words.table}
              rows={holds}
              keyOf={({ id }) => id}
              columns={[
                { head: words.columns.reason, class: 'name', cell: ({ reason }) => reason },
                {
                  head: words.columns.device,
                  cell: ({ device }) =>
                    device === null ? (
                      words.allDevices
                    ) : (
                      <a href={hashOf('devices', [device])}>
                        <code class="nowrap">{device}</code>
                      </a>
                    ),
                },
                {
                  head: words.columns.span,
                  cell: ({ from, to }) => (
                    <>
                      <Time at={from} now={now} />
                      <br />
                      {words.until} <Time at={to} now={now} />
                    </>
                  ),
                },
                {
                  head: words.columns.state,
                  cell: ({ released: at }) => (
                    <>
                      <Tag tone={at === null ? 'attention' : 'plain'}>
                        {at === null ? words.state.held : words.state.released}
                      </Tag>
                      {at !== null && (
                        <span class="under">
                          <Time at={at} now={now} />
                        </span>
                      )}
                    </>
                  ),
                },
                {
                  head: words.columns.by,
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
                        head: words.columns.release,
                        cell: (hold: Hold) =>
                          hold.released === null && (
                            <button
                              type="button"
                              aria-label={`${words.release}: ${hold.reason}`}
                              onClick={() => {
                                releasing.value = hold;
                              }}
                            >
                              {words.release}
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
      {placing.value && <NewHold store={store} onDone={() => done(words.made)} onClose={close} />}
      {released !== undefined && (
        <FormDialog
          title={words.releaseTitle}
          submit={words.release}
          danger
          work={() => store.client.releaseHold({ id: released.id })}
          onDone={() => done(words.releaseDone)}
          onClose={close}
        >
          <p>{words.releaseText(released.reason)}</p>
        </FormDialog>
      )}
    </>
  );
}

interface NewHoldProps extends Pick<PageProps, 'store'> {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function NewHold({ store, onDone, onClose }: NewHoldProps) {
  const [device, from, to, reason] = [useSignal(''), useSignal(''), useSignal(''), useSignal('')];
  const place = () => {
    const [start, end] = [fromLocalField(from.value), fromLocalField(to.value)];
    if (start === undefined || end === undefined || start >= end) throw new AdminFailure('invalid', words.times);
    const id = device.value.trim();
    const body = { device: id === '' ? null : id, from: start, to: end, reason: reason.value.trim() };
    return store.client.newHold({ body });
  };
  return (
    <FormDialog title={words.newTitle} submit={words.make} work={async () => place()} onDone={onDone} onClose={onClose}>
      <TextField label={words.reason} value={reason} required maxLength={256} />
      <TextField label={words.device} hint={words.deviceHint} value={device} pattern="d-[0-9a-f]{32}" />
      <TextField label={words.from} type="datetime-local" value={from} required />
      <TextField label={words.to} type="datetime-local" value={to} required />
    </FormDialog>
  );
}
