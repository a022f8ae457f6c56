// SPDX-License-Identifier: Apache-2.0
// What of a row of the control plane's own chain can be searched for. One function for writing and checking. Pure.

import type { AdminBody } from '../../contract/admin-row.ts';
import type { EpochBody } from '../../contract/audit-row.ts';
import { SYSTEM } from '../actor.ts';
import type { AdminLogTable } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';

/** What the chain of an organisation is made of: its first row begins it, all others are of kind `admin`. */
export type AdminLogBody = AdminBody | EpochBody;

export function adminColumns(org: string, body: AdminLogBody): Pick<AdminLogTable, 'actor' | 'action' | 'target'> {
  if (body.kind === 'epoch') return { actor: SYSTEM.name, action: 'log.begin', target: `org:${org}` };
  const { actor, action, target } = body;
  return { actor: columnText(actor) ?? '', action: columnText(action) ?? '', target: columnText(target) ?? '' };
}
