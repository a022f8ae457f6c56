// SPDX-License-Identifier: Apache-2.0
// The devices of the organisation as a table that can be filtered; which one is chosen is in the address.

import { RINGS } from '../../../contract/sync/rings.ts';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { DEVICE_FILTERS, devicesQuery, isFiltered } from '../model/filters.ts';
import { hashOf, type Query } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { wordOf } from '../model/words.ts';
import type { Choice } from '../parts/fields.tsx';
import { Filter, type FilterField } from '../parts/filter.tsx';
import { Heading } from '../parts/heading.tsx';
import { LOOK_EVERY, useEvery } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Pager } from '../parts/pager.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Tag, type Tone } from '../parts/tag.tsx';
import { Ago } from '../parts/time.tsx';
import { useList } from '../parts/use-list.ts';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';
import { Device } from './device.tsx';

export type DeviceRow = AnswerOf<'devices'>['devices'][number];
const words = STRINGS.devices;

const choices = (names: Readonly<Record<string, string>>): readonly Choice[] => [
  { value: '', label: STRINGS.filter.any },
  ...Object.entries(names).map(([value, label]) => ({ value, label })),
];

const FIELDS: readonly FilterField[] = [
  { name: 'search', label: words.search, kind: 'search', hint: words.searchHint },
  { name: 'platform', label: words.platform, kind: 'choice', choices: choices(STRINGS.platforms) },
  { name: 'state', label: words.state, kind: 'choice', choices: choices(STRINGS.deviceStates) },
  { name: 'freshness', label: words.freshness, kind: 'choice', choices: choices(STRINGS.freshness) },
  {
    name: 'ring',
    label: words.ring,
    kind: 'choice',
    choices: choices(Object.fromEntries(RINGS.map(({ id }) => [id, id]))),
  },
  { name: 'app', label: words.app, kind: 'text' },
  { name: 'refusing', label: words.refusing, kind: 'choice', choices: choices({ true: words.refusingOnly }) },
  {
    name: 'sort',
    label: words.sort,
    kind: 'choice',
    choices: [
      { value: '', label: words.sorts.name },
      { value: 'last_seen', label: words.sorts.last_seen },
    ],
  },
];

export const FRESHNESS_TONE: Readonly<Record<string, Tone>> = { fresh: 'ok', stale: 'attention', expired: 'blocked' };
export const STATE_TONE: Readonly<Record<DeviceRow['state'], Tone>> = {
  active: 'ok',
  revoked: 'blocked',
  replaced: 'plain',
  reenroll: 'attention',
};

export function Devices({ store, rest, query }: PageProps) {
  const [id] = rest;
  return id === undefined ? <DeviceList store={store} query={query} /> : <Device key={id} store={store} id={id} />;
}

function columnsAt(now: number): readonly Column<DeviceRow>[] {
  const { columns } = words;
  return [
    {
      head: columns.name,
      class: 'name',
      cell: (row) => (
        <>
          <a href={hashOf('devices', [row.id])}>{row.name}</a>
          <span class="under">
            {words.ringText(row.ring, row.ring_pinned)}, {words.agent(row.agent)}
          </span>
        </>
      ),
    },
    { head: columns.user, cell: (row) => row.user ?? <span class="quiet">{words.noUser}</span> },
    {
      head: columns.system,
      class: 'medium',
      cell: (row) => (
        <>
          {wordOf(STRINGS.platforms, row.platform)}
          <span class="under">
            {row.os_version}, {row.arch}
          </span>
        </>
      ),
    },
    {
      head: columns.policy,
      class: 'name',
      cell: (row) => (
        <>
          {row.policy_version === null ? words.noVersion : words.version(row.policy_version)}{' '}
          <Tag tone={FRESHNESS_TONE[row.freshness] ?? 'plain'}>{wordOf(STRINGS.freshness, row.freshness)}</Tag>
          {row.refused_version !== null && <span class="under bad">{words.refuses(row.refused_version)}</span>}
        </>
      ),
    },
    {
      head: columns.state,
      cell: (row) => (
        <>
          <Tag tone={STATE_TONE[row.state]}>{STRINGS.deviceStates[row.state]}</Tag>
          {row.interception === 'bypass' && <span class="under bad">{words.bypass}</span>}
          {row.warnings.map((warning) => (
            <span class="under" key={warning}>
              {warning}
            </span>
          ))}
        </>
      ),
    },
    {
      head: columns.queue,
      class: 'number right',
      cell: (row) => (
        <>
          {format.count(row.queue_rows)}
          {row.queue_oldest !== null && (
            <span class="under">{words.queueSince(format.ago(row.queue_oldest, now))}</span>
          )}
        </>
      ),
    },
    { head: columns.apps, class: 'number right', cell: (row) => format.count(row.apps) },
    {
      head: columns.seen,
      cell: (row) => (
        <>
          <Ago at={row.last_seen} now={now} />
          <span class="under">{words.firstSeen(format.ago(row.enrolled, now))}</span>
        </>
      ),
    },
  ];
}

function DeviceList({ store, query }: { readonly store: Store; readonly query: Query }) {
  const { loading, pager } = useList(store, query, (page) =>
    store.client.devices({ query: devicesQuery(query, page) }),
  );
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  return (
    <>
      <Heading store={store} title={STRINGS.views.devices} />
      <Filter view="devices" query={query} fields={FIELDS} />
      <Loaded of={loading}>
        {({ devices, next }) =>
          devices.length === 0 ? (
            <Empty title={isFiltered(DEVICE_FILTERS, query) ? words.noMatch : words.empty}>
              {isFiltered(DEVICE_FILTERS, query) ? (
                <a href={hashOf('devices')}>{words.clear}</a>
              ) : (
                <p>{STRINGS.overview.noDevicesText}</p>
              )}
            </Empty>
          ) : (
            <>
              <p class="quiet" role="status">
                {STRINGS.shown(devices.length)}
              </p>
              <Table label={words.table} rows={devices} keyOf={({ id }) => id} columns={columnsAt(store.clock.now())} />
              <Pager pager={pager} next={next} />
            </>
          )
        }
      </Loaded>
    </>
  );
}
