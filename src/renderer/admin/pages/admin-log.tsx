// SPDX-License-Identifier: Apache-2.0
// What people and the control plane itself did, and whether that record is whole.

import { useSignal } from '@preact/signals';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { sentence } from '../model/failure.ts';
import { isFiltered, LOG_FILTERS, logQuery } from '../model/filters.ts';
import { hashOf } from '../model/route.ts';
import { personIn, placeIn, wordOf } from '../model/words.ts';
import { Failure } from '../parts/failure.tsx';
import { Filter, type FilterField } from '../parts/filter.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Pager } from '../parts/pager.tsx';
import { Particulars } from '../parts/particulars.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { useList } from '../parts/use-list.ts';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

const words = STRINGS.adminLog;

const FIELDS: readonly FilterField[] = LOG_FILTERS.map((name) => ({
  name,
  label: words.fields[name],
  kind: name === 'from' || name === 'to' ? 'time' : 'text',
}));

export function AdminLog({ store, query }: PageProps) {
  const { loading, pager } = useList(store, query, (page) => store.client.adminLog({ query: logQuery(query, page) }));
  const act = useAct();
  const checked = useSignal<AnswerOf<'adminLogCheck'> | undefined>(undefined);
  const now = store.clock.now();
  const found = checked.value;
  const filtered = isFiltered(LOG_FILTERS, query);
  return (
    <>
      <Heading store={store} title={STRINGS.views['admin-log']} text={words.text}>
        <button
          type="button"
          aria-disabled={act.busy.value}
          onClick={() =>
            void act.run(
              () => store.client.adminLogCheck(),
              (answer) => {
                checked.value = answer;
              },
            )
          }
        >
          {act.busy.value ? STRINGS.busy : words.check}
        </button>
      </Heading>
      <Failure failure={act.failure.value} />
      <p role="status" class={found === undefined ? 'hidden' : found.whole ? 'good' : 'bad'}>
        {found !== undefined &&
          (found.whole ? words.whole(format.count(found.rows)) : sentence(words.broken(found.problem ?? '')))}
      </p>
      <Filter view="admin-log" query={query} fields={FIELDS} />
      <Loaded of={loading}>
        {({ rows, next }) =>
          rows.length === 0 ? (
            <Empty title={filtered ? words.noMatch : words.empty}>
              {filtered && <a href={hashOf('admin-log')}>{words.clear}</a>}
            </Empty>
          ) : (
            <>
              <p class="quiet" role="status">
                {STRINGS.shown(rows.length)}
              </p>
              <Table
                label={words.table}
                rows={rows}
                keyOf={({ seq }) => seq}
                columns={[
                  {
                    head: words.columns.at,
                    cell: ({ at, seq }) => (
                      <>
                        <Time at={at} now={now} />
                        <span class="under">{words.row(format.count(seq))}</span>
                      </>
                    ),
                  },
                  { head: words.columns.actor, cell: ({ actor }) => personIn(actor) },
                  { head: words.columns.action, cell: ({ action }) => <code>{action}</code> },
                  { head: words.columns.target, class: 'name', cell: ({ target }) => <Target target={target} /> },
                  {
                    head: words.columns.result,
                    cell: ({ result }) => (
                      <Tag tone={result === 'refused' ? 'blocked' : 'plain'}>{wordOf(words.results, result)}</Tag>
                    ),
                  },
                  { head: words.columns.detail, cell: ({ detail }) => <Particulars detail={detail} now={now} /> },
                ]}
              />
              <Pager pager={pager} next={next} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

function Target({ target }: { readonly target: string }) {
  const href = placeIn(target);
  const name = <code>{target}</code>;
  return href === undefined ? name : <a href={href}>{name}</a>;
}
