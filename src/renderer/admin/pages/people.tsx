// SPDX-License-Identifier: Apache-2.0
// The people who administer the organisation: who they are, what they may do, and whether they are let in.

import { useSignal } from '@preact/signals';
import { ROLES, type Role } from '../../../contract/admin/access.ts';
import { AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import { Copy } from '../parts/copy.tsx';
import { CloseButton, Dialog } from '../parts/dialog.tsx';
import { Failure } from '../parts/failure.tsx';
import { ChecksField, TextField } from '../parts/fields.tsx';
import { Form, FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct, useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Person = AnswerOf<'users'>['users'][number];
const words = STRINGS.people;

const ROLE_CHOICES = ROLES.map((value) => ({ value, label: STRINGS.roles[value], hint: STRINGS.roleText[value] }));
const rolesOf = (names: readonly string[]): Role[] => ROLES.filter((role) => names.includes(role));

type Asked = { readonly what: 'new' } | { readonly what: 'roles' | 'disable'; readonly person: Person };

export function People({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.users());
  const asked = useSignal<Asked | undefined>(undefined);
  const enabling = useAct();
  const close = () => {
    asked.value = undefined;
  };
  const mayChange = store.session.can('users.change');
  const done = (text: string) => {
    close();
    store.say(text);
    void loading.reload();
  };
  const enable = ({ id, name }: Person) =>
    enabling.run(
      () => store.client.setDisabled({ id, body: { disabled: false } }),
      () => done(words.enableDone(name)),
    );
  const present = asked.value;
  const change: Column<Person> = {
    head: words.columns.change,
    cell: (person) => (
      <div class="buttons">
        {person.source === 'local' ? (
          <button
            type="button"
            aria-label={`${words.setRoles}: ${person.name}`}
            onClick={() => {
              asked.value = { what: 'roles', person };
            }}
          >
            {words.setRoles}
          </button>
        ) : (
          <span class="quiet">{words.fromGroups}</span>
        )}
        <button
          type="button"
          class={person.disabled ? undefined : 'danger'}
          aria-label={`${person.disabled ? words.enable : words.disable}: ${person.name}`}
          onClick={() => {
            if (person.disabled) void enable(person);
            else asked.value = { what: 'disable', person };
          }}
        >
          {person.disabled ? words.enable : words.disable}
        </button>
      </div>
    ),
  };
  return (
    <>
      <Heading
        store={store}
        title={STRINGS.views.people}
        change="users.change"
        action={{
          label: words.new,
          onClick: () => {
            asked.value = { what: 'new' };
          },
        }}
      />
      <Failure failure={enabling.failure.value} changing />
      <Loaded of={loading}>
        {({ users }) =>
          users.length === 0 ? (
            <Empty title={words.empty} />
          ) : (
            <Table
              label={words.table}
              rows={users}
              keyOf={({ id }) => id}
              columns={[...columnsAt(store), ...(mayChange ? [change] : [])]}
            />
          )
        }
      </Loaded>
      {present?.what === 'new' && (
        <NewPerson store={store} onMade={() => void loading.reload()} onClose={close} onDone={done} />
      )}
      {present?.what === 'roles' && <SetRoles store={store} person={present.person} onDone={done} onClose={close} />}
      {present?.what === 'disable' && (
        <FormDialog
          title={words.disableTitle(present.person.name)}
          submit={words.disable}
          danger
          work={() => store.client.setDisabled({ id: present.person.id, body: { disabled: true } })}
          onDone={() => done(words.disableDone(present.person.name))}
          onClose={close}
        >
          <p>{words.disableText}</p>
        </FormDialog>
      )}
    </>
  );
}

function columnsAt(store: PageProps['store']): readonly Column<Person>[] {
  const { columns } = words;
  const now = store.clock.now();
  const state = store.session.state.value;
  const own = state.kind === 'in' ? state.session.user.id : '';
  return [
    {
      head: columns.name,
      cell: ({ id, name, disabled }) => (
        <>
          {name} {id === own && <span class="quiet">({words.you})</span>}{' '}
          {disabled && <Tag tone="blocked">{words.disabled}</Tag>}
        </>
      ),
    },
    {
      head: columns.roles,
      cell: ({ roles }) => roles.map((role) => STRINGS.roles[role]).join(', ') || STRINGS.noRoles,
    },
    { head: columns.source, cell: ({ source }) => (source === 'local' ? words.local : words.provider(source)) },
    {
      head: columns.last,
      cell: ({ last_sign_in }) =>
        last_sign_in === null ? <span class="quiet">{words.never}</span> : <Time at={last_sign_in} now={now} />,
    },
  ];
}

interface AskProps extends Pick<PageProps, 'store'> {
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

function NewPerson({ store, onMade, onDone, onClose }: AskProps & { readonly onMade: () => void }) {
  const name = useSignal('');
  const roles = useSignal<readonly string[]>([]);
  const made = useSignal<AnswerOf<'newUser'> | undefined>(undefined);
  const act = useAct();
  const make = async (): Promise<void> => {
    const wanted = rolesOf(roles.value);
    if (wanted.length === 0) throw new AdminFailure('invalid', words.noRole);
    made.value = await store.client.newUser({ body: { name: name.value.trim(), roles: wanted } });
    onMade();
  };
  const close = () => (made.value === undefined ? onClose() : onDone(words.made(name.value.trim())));
  return (
    <Dialog title={made.value === undefined ? words.newTitle : words.madeTitle} onClose={close}>
      {made.value === undefined ? (
        <Form act={act} submit={words.make} onSubmit={() => void act.run(make)} onCancel={close}>
          <TextField
            label={words.name}
            hint={words.nameHint}
            value={name}
            required
            pattern="[a-z0-9][a-z0-9._\-]{0,63}"
            autocomplete="off"
          />
          <ChecksField label={words.roles} value={roles} choices={ROLE_CHOICES} />
        </Form>
      ) : (
        <>
          <p>{words.madeText(name.value.trim())}</p>
          <Copy label={words.password} text={made.value.password} large focus />
          <CloseButton onClose={close} />
        </>
      )}
    </Dialog>
  );
}

function SetRoles({ store, person, onDone, onClose }: AskProps & { readonly person: Person }) {
  const roles = useSignal<readonly string[]>(person.roles);
  return (
    <FormDialog
      title={words.setRolesTitle(person.name)}
      submit={words.setRolesSubmit}
      work={() => store.client.setRoles({ id: person.id, body: { roles: rolesOf(roles.value) } })}
      onDone={() => onDone(words.rolesDone(person.name))}
      onClose={onClose}
    >
      <p>{words.setRolesText}</p>
      <ChecksField label={words.roles} value={roles} choices={ROLE_CHOICES} />
    </FormDialog>
  );
}
