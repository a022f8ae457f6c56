// SPDX-License-Identifier: Apache-2.0
// Which view an address names, with what is chosen in it. The part after `#` is used, so that the server has one page only. Pure.

import type { Permission } from '../../../contract/admin/access.ts';

/** Every view, and what somebody needs to see it. `session`: to be signed in. */
export const VIEWS = {
  overview: 'overview.read',
  devices: 'devices.read',
  enrolment: 'tokens.read',
  alarms: 'alarms.read',
  policies: 'policies.read',
  orders: 'orders.read',
  secrets: 'secrets.read',
  audit: 'audit.read',
  'admin-log': 'audit.read',
  holds: 'audit.read',
  people: 'users.read',
  settings: 'settings.read',
  account: 'session',
} as const satisfies Readonly<Record<string, Permission | 'session'>>;
export type View = keyof typeof VIEWS;

export type Query = Readonly<Record<string, string>>;

export interface Route {
  readonly view: View;
  /** `['d-…']` of `#/devices/d-…`. */
  readonly rest: readonly string[];
  readonly query: Query;
}

const FIRST: Route = { view: 'overview', rest: [], query: {} };

/** Unknown addresses lead to the overview. */
export function routeOf(hash: string): Route {
  if (!hash.startsWith('#/')) return FIRST;
  const [path = '', query = ''] = hash.slice(2).split(/\?(.*)/s, 2);
  try {
    const [view = '', ...rest] = path.split('/').map(decodeURIComponent);
    if (!Object.hasOwn(VIEWS, view)) return FIRST;
    return { view: view as View, rest, query: Object.fromEntries(new URLSearchParams(query)) };
  } catch {
    // A lone %.
    return FIRST;
  }
}

export function hashOf(view: View, rest: readonly (string | number)[] = [], query: Query = {}): string {
  const path = [view, ...rest].map((part) => encodeURIComponent(String(part))).join('/');
  const pairs = Object.entries(query).filter(([, value]) => value !== '');
  const asked = pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
  return view === 'overview' && rest.length === 0 && asked === '' ? '#/' : `#/${path}${asked}`;
}
