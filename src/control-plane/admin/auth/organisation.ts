// SPDX-License-Identifier: Apache-2.0
// Which organisation somebody means who is not signed in yet. Whoever is, means that of the session.

import type { Context } from '../../context.ts';
import { type OrgSettings, readSettings } from '../../orgs/settings.ts';
import { AdminError } from '../admin-error.ts';

export interface NamedOrg {
  readonly id: string;
  readonly name: string;
  readonly settings: OrgSettings;
}

/** @param wanted absent: the only one */
export async function namedOrg({ db }: Pick<Context, 'db'>, wanted: string | undefined): Promise<NamedOrg> {
  const all = db.query.selectFrom('org').select(['id', 'name', 'settings']);
  const found = await (wanted === undefined ? all.limit(2) : all.where('id', '=', wanted)).execute();
  const [org] = found;
  if (org === undefined) throw new AdminError('missing', 'there is no such organisation');
  if (found.length > 1) throw new AdminError('missing', 'this server has several organisations: add ?org=NAME');
  return { ...org, settings: readSettings(org.settings) };
}
