// SPDX-License-Identifier: Apache-2.0
// Which component shows which view.

import type { FunctionComponent } from 'preact';
import type { Query, View } from './model/route.ts';
import type { Store } from './model/store.ts';
import { Account } from './pages/account.tsx';
import { AdminLog } from './pages/admin-log.tsx';
import { Alarms } from './pages/alarms.tsx';
import { Audit } from './pages/audit.tsx';
import { Devices } from './pages/devices.tsx';
import { Enrolment } from './pages/enrolment.tsx';
import { Holds } from './pages/holds.tsx';
import { Orders } from './pages/orders.tsx';
import { Overview } from './pages/overview.tsx';
import { People } from './pages/people.tsx';
import { Policies } from './pages/policies.tsx';
import { Secrets } from './pages/secrets.tsx';
import { Settings } from './pages/settings.tsx';

export interface PageProps {
  readonly store: Store;
  readonly rest: readonly string[];
  readonly query: Query;
}

export const PAGES: Readonly<Record<View, FunctionComponent<PageProps>>> = {
  overview: Overview,
  devices: Devices,
  enrolment: Enrolment,
  alarms: Alarms,
  policies: Policies,
  orders: Orders,
  secrets: Secrets,
  audit: Audit,
  'admin-log': AdminLog,
  holds: Holds,
  people: People,
  settings: Settings,
  account: Account,
};
