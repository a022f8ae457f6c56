// SPDX-License-Identifier: Apache-2.0
// All versions of the policy, newest first; and which one, or the editor, is open, as the address says.

import type { AnswerOf } from '../client/admin-client.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { personIn } from '../model/words.ts';
import { Heading } from '../parts/heading.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Pager } from '../parts/pager.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Tag, type Tone } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { useList } from '../parts/use-list.ts';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';
import { Policy } from './policy.tsx';
import { PolicyEditor } from './policy-editor.tsx';

type Version = AnswerOf<'policies'>['policies'][number];
const words = STRINGS.policies;

export const POLICY_TONE: Readonly<Record<Version['state'], Tone>> = {
  draft: 'plain',
  proposed: 'attention',
  rolling: 'attention',
  halted: 'blocked',
  active: 'ok',
  replaced: 'plain',
  withdrawn: 'plain',
};

export function Policies({ store, rest }: PageProps) {
  const [which, tab] = rest;
  if (which === undefined) return <PolicyList store={store} />;
  if (which === 'edit') return <PolicyEditor store={store} tab={tab} />;
  return <Policy key={which} store={store} version={which} tab={tab} />;
}

function columnsAt(now: number): readonly Column<Version>[] {
  const { columns } = words;
  return [
    {
      head: columns.version,
      class: 'medium',
      cell: ({ version, restores }) => (
        <>
          <a href={hashOf('policies', [version])}>{words.version(version)}</a>
          {restores !== null && <span class="under">{words.restores(restores)}</span>}
        </>
      ),
    },
    {
      head: columns.state,
      cell: ({ state, stage, halt_reason }) => (
        <>
          <Tag tone={POLICY_TONE[state]}>{STRINGS.policyStates[state]}</Tag>
          {state === 'rolling' && <span class="under">{words.stage(stage)}</span>}
          {halt_reason !== null && <span class="under">{halt_reason}</span>}
        </>
      ),
    },
    { head: columns.note, class: 'name', cell: ({ note }) => note },
    {
      head: columns.author,
      class: 'medium',
      cell: ({ author, approver, state }) => (
        <>
          {personIn(author)}
          {approver !== null && <span class="under">{words.approvedBy(personIn(approver))}</span>}
          {approver === null && state === 'proposed' && <span class="under">{words.waiting}</span>}
        </>
      ),
    },
    {
      head: columns.published,
      cell: ({ published, created }) =>
        published === null ? (
          <span class="quiet">
            {words.created} <Time at={created} now={now} />
          </span>
        ) : (
          <Time at={published} now={now} />
        ),
    },
  ];
}

function PolicyList({ store }: { readonly store: Store }) {
  const { loading, pager } = useList(store, {}, ({ after, limit }) =>
    store.client.policies({ query: { limit, ...(after === undefined ? {} : { after }) } }),
  );
  const mayWrite = store.session.can('policies.write');
  const writing = mayWrite && store.editor.editing.value !== undefined;
  return (
    <>
      <Heading store={store} title={STRINGS.views.policies} change="policies.write">
        {mayWrite && !writing && (
          <a class="button primary" href={hashOf('policies', ['edit'])}>
            {words.new}
          </a>
        )}
      </Heading>
      {writing && (
        <section class="notice notice-medium" aria-labelledby="unsaved">
          <h2 id="unsaved">{words.unsavedTitle}</h2>
          <p>{words.unsavedText}</p>
          <a class="button" href={hashOf('policies', ['edit'])}>
            {words.goOn}
          </a>
        </section>
      )}
      <Loaded of={loading}>
        {({ policies, next, four_eyes }) => (
          <>
            {four_eyes && <p class="quiet">{words.fourEyes}</p>}
            {policies.length === 0 ? (
              <Empty title={words.empty}>
                <p>{words.emptyText}</p>
              </Empty>
            ) : (
              <>
                <Table
                  label={words.table}
                  rows={policies}
                  keyOf={({ version }) => version}
                  columns={columnsAt(store.clock.now())}
                />
                <Pager pager={pager} next={next} />
              </>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}
