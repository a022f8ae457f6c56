// SPDX-License-Identifier: Apache-2.0
// From the fields of a filter, which are texts in the page's address, to the query of an endpoint. What an address has of its own is left
// out. Pure.

import type { QueryFor } from '../client/admin-client.ts';
import type { Query } from './route.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const DEVICE_FILTERS = ['search', 'platform', 'state', 'ring', 'freshness', 'app', 'refusing', 'sort'] as const;
export const AUDIT_FILTERS = [
  'from',
  'to',
  'device',
  'app',
  'provider',
  'model',
  'host',
  'kind',
  'what',
  'rule',
  'request',
  'decision',
  'policy',
  'since',
  'id',
] as const;
export const LOG_FILTERS = ['actor', 'action', 'target', 'from', 'to'] as const;
/** Fields that are numbers: times in milliseconds since the Unix epoch, and an id. */
const NUMBERS: ReadonlySet<string> = new Set(['from', 'to', 'since', 'id']);
/** The largest time of a date, which is above any id as well. */
const MOST = 8.64e15;

export interface PageWish {
  /** Cursor; undefined: the first page. */
  readonly after: string | undefined;
  readonly limit: number;
}

function queryOf(names: readonly string[], query: Query, { after, limit }: PageWish): Record<string, string | number> {
  const asked: Record<string, string | number> = { limit };
  for (const name of names) {
    const text = (query[name] ?? '').trim();
    if (text === '') continue;
    if (!NUMBERS.has(name)) asked[name] = text;
    else if (/^\d{1,16}$/.test(text) && Number(text) <= MOST) asked[name] = Number(text);
  }
  if (after !== undefined) asked['after'] = after;
  return asked;
}

/** Values of lists that an address could misspell are not asked for. */
export function devicesQuery(query: Query, page: PageWish): QueryFor<'devices'> {
  const asked = queryOf(DEVICE_FILTERS, query, page) as Mutable<QueryFor<'devices'>>;
  if (!['active', 'revoked', 'replaced', 'reenroll'].includes(asked.state ?? '')) delete asked.state;
  if (asked.sort !== 'last_seen') delete asked.sort;
  if (asked.refusing !== 'true') delete asked.refusing;
  return asked;
}

export function auditQuery(query: Query, page: PageWish): QueryFor<'audit'> {
  return queryOf(AUDIT_FILTERS, query, page);
}

export function logQuery(query: Query, page: PageWish): QueryFor<'adminLog'> {
  return queryOf(LOG_FILTERS, query, page);
}

/** `all` is the page's own word for no filter; absent means the open ones, which are what somebody comes for. */
export function alarmsQuery({ state = 'open' }: Query, { after, limit }: PageWish): QueryFor<'alarms'> {
  const known = (['open', 'acknowledged', 'closed'] as const).find((one) => one === state);
  return { limit, ...(known === undefined ? {} : { state: known }), ...(after === undefined ? {} : { after }) };
}

/** Is anything asked for but an order? */
export function isFiltered(names: readonly string[], query: Query): boolean {
  return names.some((name) => name !== 'sort' && (query[name] ?? '').trim() !== '');
}
