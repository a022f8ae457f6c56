// SPDX-License-Identifier: Apache-2.0
// The last step of a request for a host that departs from its dialect: members that it refuses are left out with their loss, members
// that it calls otherwise get its name. Order is kept.

import type { Quirks } from '../../hub/codec.ts';
import type { LossList } from '../../hub/losses.ts';
import { loseMember } from '../../hub/refused-members.ts';
import type { Values } from '../../json/values.ts';

export function forHost(body: Values, quirks: Quirks, losses: LossList): Values {
  const { refuses = [], renames = {} } = quirks;
  const out: [string, unknown][] = [];
  for (const [member, value] of Object.entries(body)) {
    if (refuses.includes(member)) loseMember(member, value, losses);
    else out.push([Object.hasOwn(renames, member) ? (renames[member] ?? member) : member, value]);
  }
  return Object.fromEntries(out);
}
