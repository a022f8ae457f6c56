// SPDX-License-Identifier: Apache-2.0
// What devices recorded: searched, turned by pages, a row in full with its text and its place in the chain, and all found rows as a file.

import { useSignal } from '@preact/signals';
import { Text } from '../../parts/text.tsx';
import { addressOf } from '../client/address.ts';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { AUDIT_FILTERS, auditQuery, isFiltered } from '../model/filters.ts';
import { pretty } from '../model/pretty.ts';
import { hashOf } from '../model/route.ts';
import { wordOf } from '../model/words.ts';
import { Filter, type FilterField } from '../parts/filter.tsx';
import { Heading } from '../parts/heading.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Pager } from '../parts/pager.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Tag, type Tone } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { useList } from '../parts/use-list.ts';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Row = AnswerOf<'audit'>['rows'][number];
const words = STRINGS.audit;

const text = (name: Exclude<keyof typeof words.fields, 'from' | 'to' | 'since' | 'kind'>): FilterField => ({
  name,
  label: words.fields[name],
  kind: 'text',
});
const time = (name: 'from' | 'to' | 'since'): FilterField => ({ name, label: words.fields[name], kind: 'time' });

const FIELDS: readonly FilterField[] = [
  time('from'),
  time('to'),
  {
    name: 'kind',
    label: words.fields.kind,
    kind: 'choice',
    choices: [
      { value: '', label: STRINGS.filter.any },
      ...Object.entries(words.kinds).map(([value, label]) => ({ value, label })),
    ],
  },
  text('app'),
  text('provider'),
  text('model'),
  text('host'),
  text('device'),
];
const MORE: readonly FilterField[] = [
  text('what'),
  text('rule'),
  text('request'),
  text('decision'),
  text('policy'),
  time('since'),
  text('id'),
];

const TONE: Readonly<Record<string, Tone>> = { intent: 'ok', refusal: 'blocked', gap: 'attention' };

export function Audit({ store, query }: PageProps) {
  const { loading, pager } = useList(store, query, (page) => store.client.audit({ query: auditQuery(query, page) }));
  const open = useSignal<number | undefined>(undefined);
  const now = store.clock.now();
  // The limit is of a page; the file has all that the filter finds.
  const { limit: _, ...found } = auditQuery(query, { after: undefined, limit: 1 });
  return (
    <>
      <Heading store={store} title={STRINGS.views.audit}>
        <a class="button" href={addressOf('auditExport', { query: found })} download="audit.jsonl">
          {words.export}
        </a>
      </Heading>
      <p class="quiet">
        <Text>{words.text}</Text>
      </p>
      <Filter view="audit" query={query} fields={FIELDS} more={MORE} moreLabel={words.more} />
      <Loaded of={loading}>
        {({ rows, next, since }) => (
          <>
            {since !== null && (
              <p class="quiet">
                {words.since(format.time(since, now))}{' '}
                <a href={hashOf('audit', [], { ...query, since: '0' })}>{words.all}</a>
              </p>
            )}
            {rows.length === 0 ? (
              <Empty title={isFiltered(AUDIT_FILTERS, query) ? words.noMatch : words.empty}>
                {isFiltered(AUDIT_FILTERS, query) && <a href={hashOf('audit')}>{words.clear}</a>}
              </Empty>
            ) : (
              <>
                <p class="quiet" role="status">
                  {STRINGS.shown(rows.length)}
                </p>
                <Table
                  label={words.table}
                  rows={rows}
                  keyOf={({ id }) => id}
                  columns={columnsAt(now, open.value, (id) => {
                    open.value = open.value === id ? undefined : id;
                  })}
                  under={(row) => (row.id === open.value ? <RowInFull row={row} now={now} /> : undefined)}
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

function tokens({ input_tokens, output_tokens }: Row): string {
  if (input_tokens === null && output_tokens === null) return STRINGS.none;
  const one = (count: number | null) => (count === null ? STRINGS.none : format.count(count));
  return `${one(input_tokens)} / ${one(output_tokens)}`;
}

function columnsAt(now: number, open: number | undefined, onOpen: (id: number) => void): readonly Column<Row>[] {
  const { columns } = words;
  return [
    {
      head: columns.at,
      cell: ({ id, at }) => (
        <button
          type="button"
          class="link nowrap"
          aria-expanded={id === open}
          title={format.utc(at)}
          aria-label={words.open(format.time(at, now))}
          onClick={() => onOpen(id)}
        >
          {format.time(at, now)}
        </button>
      ),
    },
    {
      head: columns.kind,
      class: 'medium',
      cell: ({ kind, what, body }) => (
        <>
          <Tag tone={TONE[kind] ?? 'plain'}>{wordOf(words.kinds, kind)}</Tag>
          {what !== null && <span class="under">{what}</span>}
          {body === null && <span class="under bad">{words.quarantined}</span>}
        </>
      ),
    },
    { head: columns.app, class: 'medium', cell: ({ app }) => app ?? STRINGS.none },
    {
      head: columns.target,
      class: 'name',
      cell: ({ provider, model, host }) => (
        <>
          {[provider, model].filter((name) => name !== null).join(', ') || STRINGS.none}
          {host !== null && <span class="under">{host}</span>}
        </>
      ),
    },
    { head: columns.rule, cell: ({ rule }) => (rule === null ? STRINGS.none : <code>{rule}</code>) },
    { head: columns.tokens, class: 'number right', cell: tokens },
    {
      head: columns.device,
      class: 'medium',
      cell: ({ device, device_name }) => <a href={hashOf('devices', [device])}>{device_name || device}</a>,
    },
  ];
}

function RowInFull({ row, now }: { readonly row: Row; readonly now: number }) {
  const texts = words.detail;
  const { seq, epoch, hash, request, decision, policy, body } = row;
  return (
    <section class="row-detail" aria-label={texts.title}>
      <dl class="pairs">
        <dt>{texts.at}</dt>
        <dd>
          <Time at={row.at} now={now} /> <span class="quiet">{texts.atText}</span>
        </dd>
        <dt>{texts.received}</dt>
        <dd>
          <Time at={row.received} now={now} />
        </dd>
        <dt>{texts.place}</dt>
        <dd>{texts.placeText(format.count(seq), epoch)}</dd>
        <dt>{texts.hash}</dt>
        <dd>
          <code>{hash}</code>
        </dd>
        {request !== null && (
          <>
            <dt>{texts.request}</dt>
            <dd>
              <code>{request}</code> <a href={hashOf('audit', [], { request })}>{texts.same}</a>
            </dd>
          </>
        )}
        {decision !== null && (
          <>
            <dt>{texts.decision}</dt>
            <dd>
              <code>{decision}</code>
            </dd>
          </>
        )}
        {policy !== null && (
          <>
            <dt>{texts.policy}</dt>
            <dd>
              <code>{policy}</code>
            </dd>
          </>
        )}
      </dl>
      {body === null ? (
        <p class="bad">{texts.noBody}</p>
      ) : (
        <>
          <h2>{texts.body}</h2>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <pre tabIndex={0}>{pretty(body)}</pre>
        </>
      )}
    </section>
  );
}
